from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from apiframe_studio.photos.contact_sheet import MAX_BYTES, THUMBNAIL, Tile, draw, make_tile
from apiframe_studio.photos.folders import Photo
from apiframe_studio.photos.models import Box, PhotoVerdict, Reason, Verdict

BRIGHT = [255 * (level > 200) for level in range(256)]
"""A table for `Image.point`: white where a channel is bright, black elsewhere."""


def grain(seed: int) -> Image.Image:
    return Image.frombytes("RGB", (240, 240), random.Random(seed).randbytes(240 * 240 * 3))  # noqa: S311


def tile(number: int, verdict: Verdict = Verdict.USE, thumbnail: Image.Image | None = None) -> Tile:
    return Tile(number, f"IMG_{number:04}.jpg", verdict, "", thumbnail)


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 2, 7, 30, 60, 61, 500])
def test_even_a_sheet_of_noise_is_under_200_kb(count: int) -> None:
    thumbnails = [grain(seed) for seed in range(8)]
    sheet = draw([tile(number, thumbnail=thumbnails[number % 8]) for number in range(1, count + 1)])
    assert len(sheet) < MAX_BYTES
    assert Image.open(io.BytesIO(sheet)).width >= 600


def test_marks_can_be_distinguished_without_colour() -> None:
    """In grey, the outline and the sign of each mark differ in many pixels from those of the others."""
    plain = Image.new("RGB", (240, 240), "grey")
    grey = [Image.open(io.BytesIO(draw([tile(1, verdict, plain)]))).convert("L") for verdict in Verdict]
    corners = [sheet.crop((195, 240, 260, 310)).point(BRIGHT) for sheet in grey]
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert sum(ImageChops.difference(corners[one], corners[other]).histogram()[128:]) > 100


@pytest.mark.parametrize("name", ["", "a" * 500, "日本語.jpg", "\u202egpj.exe", "émile.jpg", "😀.jpg"])
def test_any_name_can_be_drawn(name: str) -> None:
    assert draw([Tile(1, name, Verdict.WARN, name, None)])


@pytest.mark.slow
def test_a_too_large_sheet_is_first_compressed_more_and_then_drawn_smaller() -> None:
    """Each step keeps names and faces readable; only noise needs more than the last one."""
    plain = Image.new("RGB", (240, 240), "grey")
    steps: list[tuple[int, int]] = []
    for part in (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3):
        thumbnails = [Image.blend(plain, grain(seed), part) for seed in range(8)]
        jpeg = draw([tile(number, thumbnail=thumbnails[number % 8]) for number in range(1, 61)])
        steps.append((Image.open(io.BytesIO(jpeg)).width, _quality(jpeg)))
    order = [(width, quality) for width in (1500, 1300, 1100) for quality in (75, 65, 55)]
    taken = [order.index(step) for step in steps]
    assert taken == sorted(taken)
    assert (taken[0], len(set(taken)) > 3) == (0, True)


def _quality(jpeg: bytes) -> int:
    """Return the quality that matches the JPEG's quantisation table."""
    table = Image.open(io.BytesIO(jpeg)).quantization[0]  # type: ignore[attr-defined]
    for quality in range(1, 96):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
        if Image.open(io.BytesIO(file.getvalue())).quantization[0] == table:  # type: ignore[attr-defined]
            return quality
    raise AssertionError("no quality of Pillow's")


def _painted(*boxes: Box) -> Image.Image:
    image = Image.new("RGB", (1000, 800), (90, 90, 90))
    for number, box in enumerate(boxes):
        left, top = round(box.left * 1000), round(box.top * 800)
        size = (round(box.width * 1000), round(box.height * 800))
        image.paste(((255, 0, 0), (0, 0, 255))[number], (left, top, left + size[0], top + size[1]))
    return image


def _share(image: Image.Image, channel: int) -> float:
    bright = image.getchannel(channel).point(BRIGHT)
    return bright.histogram()[255] / (image.width * image.height)


@pytest.mark.parametrize(("left", "top"), [(0.0, 0.0), (0.45, 0.4), (0.92, 0.9)])
def test_a_tile_is_cropped_to_the_face(left: float, top: float) -> None:
    face = Box(left, top, 0.08, 0.1)
    small = make_tile(_painted(face), [face])
    assert small.size == (THUMBNAIL, THUMBNAIL)
    assert _share(small, 0) == pytest.approx(1 / 3.2**2, rel=0.05)


def test_a_tile_shows_every_detected_face_and_the_whole_photo_without_faces() -> None:
    near, far = (
        [Box(0.3, 0.3, 0.1, 0.15), Box(0.6, 0.4, 0.1, 0.15)],
        [Box(0, 0, 0.1, 0.1), Box(0.9, 0.9, 0.1, 0.1)],
    )
    for boxes in (near, far):
        small = make_tile(_painted(*boxes), boxes)
        assert _share(small, 0) > 0.009
        assert _share(small, 2) > 0.009
    for unknown in (None, ()):
        assert make_tile(_painted(), unknown).size == (THUMBNAIL, THUMBNAIL * 8 // 10)


def test_the_worst_reason_is_one_that_rejects() -> None:
    found = (Reason.SMALL, Reason.DARK, Reason.SEVERAL_FACES)
    assert PhotoVerdict(1, Photo(Path("/p"), ("a",)), Verdict.REJECT, found).worst is Reason.SEVERAL_FACES
    assert PhotoVerdict(1, Photo(Path("/p"), ("a",)), Verdict.USE, ()).worst is None
