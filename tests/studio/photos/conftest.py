from __future__ import annotations

import io
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from apiframe_studio.photos.folders import AllowedFolders
from apiframe_studio.photos.synthetic import draw, make_scenes

Painter = Callable[..., Image.Image]


def paint(seed: int = 1, size: tuple[int, int] = (900, 1100)) -> Image.Image:
    """Return a sharp image of coloured blocks that differs from that of any other seed."""
    dice = random.Random(seed)  # noqa: S311 - drawings, not secrets
    image = Image.new("RGB", size, (120, 120, 120))
    canvas = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = dice.randrange(size[0]), dice.randrange(size[1])
        colour = (dice.randrange(256), dice.randrange(256), dice.randrange(256))
        canvas.rectangle((x, y, x + size[0] // 4, y + size[1] // 5), colour)
    return image


def paint_a_person(seed: int = 1, size: tuple[int, int] = (900, 1100)) -> Image.Image:
    """Return the same blocks with a drawn person in front: a usable photo."""
    image = paint(seed, size)
    person = _draw_once(seed % 3 * 3 + 1, (size[0] * 5 // 8, size[1] * 5 // 8))
    image.paste(person, (size[0] // 5 + seed % 5 * size[0] // 40, size[1] // 5))
    return image


@cache
def _draw_once(number: int, size: tuple[int, int]) -> Image.Image:
    """Draw a scene. Only to be read: drawing takes a tenth of a second, and most tests want the same few."""
    return draw(make_scenes(9)[number], size)


def jpeg(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


@pytest.fixture
def painted() -> Painter:
    return paint


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """An empty allowed folder."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def allowed(photo_folder: Path) -> AllowedFolders:
    return AllowedFolders([photo_folder])


@pytest.fixture
def put(photo_folder: Path) -> Callable[..., Path]:
    """Write a JPEG of a person in front of coloured blocks, or the given bytes, into the allowed folder."""

    def write(name: str, content: bytes | int = 1, size: tuple[int, int] = (900, 1100)) -> Path:
        path = photo_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else jpeg(paint_a_person(content, size)))
        return path

    return write
