"""Photos for tests that are quicker to make than drawn scenes: coloured blocks, with a drawn person or without."""

from __future__ import annotations

import io
import random
from functools import cache

from PIL import Image, ImageDraw

from apiframe_studio.photos.synthetic import draw, make_scenes

SMALL = (540, 660)
"""Just large enough for a photo with a face to be good, if faces are looked for."""


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
