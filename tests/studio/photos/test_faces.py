from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType

import pytest
from PIL import Image

from apiframe_studio.photos import faces, judging
from apiframe_studio.photos.measuring import measure
from apiframe_studio.photos.reading import Picture
from apiframe_studio.photos.synthetic import draw, scenes
from apiframe_studio.photos.verdicts import Reason

Painter = Callable[..., Image.Image]
needs_the_extra = pytest.mark.skipif(not faces.available(), reason="needs apiframe-photo-mcp[faces]")


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    real = builtins.__import__

    def refuse(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the name that __import__ gives it
        locals: Mapping[str, object] | None = None,  # noqa: A002 - the same
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if name == "cv2":
            raise ModuleNotFoundError(name)
        return real(name, globals, locals, fromlist, level)

    faces._cascade.cache_clear()
    monkeypatch.setattr(builtins, "__import__", refuse)
    yield
    faces._cascade.cache_clear()


@needs_the_extra
def test_the_drawn_face_is_found_where_it_was_drawn() -> None:
    for scene in scenes(6):
        (face,) = faces.detect(draw(scene, (512, 640))) or ()
        assert abs(face.left + face.width / 2 - scene.across) < 0.08
        assert abs(face.top + face.height / 2 - 0.44) < 0.12


@needs_the_extra
def test_two_people_are_two_faces() -> None:
    pair = Image.new("RGB", (1024, 640))
    for place, scene in enumerate((scenes(2)[1], scenes(5)[4])):
        pair.paste(draw(scene, (512, 640)), (512 * place, 0))
    assert len(faces.detect(pair) or ()) == 2
    facts, _ = measure(Picture("PNG", 2048, 1280, pair, None, None))
    assert Reason.SEVERAL_FACES in judging.reasons(facts)


@needs_the_extra
def test_no_face_is_seen_in_coloured_blocks(painted: Painter) -> None:
    assert [faces.detect(painted(seed, (500, 600))) for seed in range(4)] == [()] * 4


@needs_the_extra
@pytest.mark.parametrize("tilt", [-18, 18])
def test_a_tilted_face_is_found_too(tilt: int) -> None:
    upright = draw(scenes(2)[1], (512, 640))
    assert faces.detect(upright.rotate(tilt, Image.Resampling.BICUBIC, fillcolor="grey"))


@pytest.mark.usefixtures("without_the_extra")
def test_without_the_extra_faces_are_unknown_not_absent() -> None:
    picture = draw(scenes(1)[0], (512, 640))
    facts, _ = measure(Picture("PNG", 1024, 1280, picture, None, None))
    assert facts.faces is None
    assert judging.reasons(facts) == ()
