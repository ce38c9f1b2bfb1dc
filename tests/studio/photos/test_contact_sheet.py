from __future__ import annotations

import io
import random

import pytest
from PIL import Image, ImageChops

from apiframe_studio.photos import Verdict
from apiframe_studio.photos.contact_sheet import MOST_BYTES, Tile, draw


def grain(seed: int) -> Image.Image:
    return Image.frombytes("RGB", (240, 240), random.Random(seed).randbytes(240 * 240 * 3))  # noqa: S311


def tile(number: int, verdict: Verdict = Verdict.USE, thumbnail: Image.Image | None = None) -> Tile:
    return Tile(number, f"IMG_{number:04}.jpg", verdict, "", thumbnail)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 30, 60, 61, 500])
def test_even_a_sheet_of_pure_grain_is_under_200_kb(count: int) -> None:
    pictures = [grain(seed) for seed in range(8)]
    sheet = draw([tile(number, thumbnail=pictures[number % 8]) for number in range(1, count + 1)])
    assert len(sheet) < MOST_BYTES
    assert Image.open(io.BytesIO(sheet)).width >= 600


def test_marks_can_be_told_apart_without_colour() -> None:
    """Each mark's outline and sign, as a colour-blind reader sees them, differ in many grey pixels."""
    plain = Image.new("RGB", (240, 240), "grey")
    grey = [Image.open(io.BytesIO(draw([tile(1, verdict, plain)]))).convert("L") for verdict in Verdict]
    corners = [sheet.crop((195, 240, 260, 310)).point(lambda level: 255 * (level > 200)) for sheet in grey]
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert sum(ImageChops.difference(corners[one], corners[other]).histogram()[128:]) > 100


@pytest.mark.parametrize("name", ["", "a" * 500, "日本語.jpg", "\u202egpj.exe", "émile.jpg", "😀.jpg"])
def test_any_name_can_be_drawn(name: str) -> None:
    assert draw([Tile(1, name, Verdict.WARN, name, None)])
