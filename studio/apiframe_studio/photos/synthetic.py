"""Clearly drawn photos of one drawn person, for demonstrations and tests: nobody's face.

Every picture differs in place, light, framing, tilt and clothes, as a good training set does, and is written
as a phone writes it: a JPEG with camera-like EXIF, so that the whole way can be shown on it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

Colour = tuple[int, int, int]

_SKIN: Colour = (226, 178, 148)
_SKIN_SHADE: Colour = (196, 140, 112)
_HAIR: Colour = (70, 42, 30)
_CLOTHES: Sequence[Colour] = (
    (178, 58, 72),
    (46, 94, 140),
    (58, 120, 92),
    (222, 176, 70),
    (98, 72, 130),
    (70, 74, 80),
)
_PLACES: Sequence[tuple[Colour, Colour]] = (
    ((170, 205, 235), (110, 160, 105)),
    ((240, 200, 150), (150, 95, 85)),
    ((205, 210, 215), (120, 125, 132)),
    ((120, 150, 185), (45, 62, 95)),
    ((236, 226, 205), (178, 150, 118)),
    ((160, 190, 160), (60, 95, 70)),
    ((225, 190, 205), (140, 100, 130)),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One drawn photo. `head` is the head's height in parts of the picture's, `tilt` in degrees."""

    seed: int
    place: int
    clothes: int
    head: float
    across: float
    tilt: float
    light: float
    smile: float


def scenes(count: int, seed: int = 7) -> list[Scene]:
    """`count` scenes, the same ones for the same seed."""
    dice = random.Random(seed)  # noqa: S311 - drawn pictures, not secrets
    return [
        Scene(
            seed=dice.randrange(1 << 30),
            place=number % len(_PLACES),
            clothes=number // 2 % len(_CLOTHES),
            head=(0.62, 0.40, 0.26)[number % 3] * dice.uniform(0.92, 1.08),
            across=dice.uniform(0.40, 0.60),
            tilt=dice.uniform(-7, 7),
            light=dice.uniform(0.82, 1.15),
            smile=dice.uniform(0.2, 1.0),
        )
        for number in range(count)
    ]


def draw(scene: Scene, size: tuple[int, int] = (1024, 1280)) -> Image.Image:
    """The picture of a scene: background, person, light, a little grain, and the word SYNTHETIC."""
    dice = random.Random(scene.seed)  # noqa: S311 - drawn pictures, not secrets
    picture = _background(scene, size, dice)
    person = _person(scene, size)
    picture.paste(person, (0, 0), person)
    picture = ImageEnhance.Brightness(picture).enhance(scene.light)
    grain = Image.frombytes("L", size, dice.randbytes(size[0] * size[1])).convert("RGB")
    picture = Image.blend(picture, grain, 0.03)
    _label(picture)
    return picture


def write_photos(folder: Path, count: int = 24, *, seed: int = 7) -> list[Path]:
    """Write `count` drawn photos into an existing folder as `drawn-01.jpg` and on; the paths, in order."""
    paths: list[Path] = []
    for number, scene in enumerate(scenes(count, seed), 1):
        path = folder / f"drawn-{number:02}.jpg"
        draw(scene).save(path, "JPEG", quality=90, exif=_exif(number))
        paths.append(path)
    return paths


def _exif(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "Apiframe sandbox"
    exif[0x0110] = "Drawn, not photographed"
    exif.get_ifd(0x8769)[0x9003] = f"2026:05:{1 + number % 6:02} 12:{number % 60:02}:00"
    return exif


def _background(scene: Scene, size: tuple[int, int], dice: random.Random) -> Image.Image:
    """A gradient with large soft shapes, as a background out of focus has; drawn small, for speed."""
    width, height = small = size[0] // 4, size[1] // 4
    above, below = _PLACES[scene.place]
    ramp = Image.linear_gradient("L").resize(small)
    picture = Image.composite(Image.new("RGB", small, below), Image.new("RGB", small, above), ramp)
    canvas = ImageDraw.Draw(picture)
    for _ in range(14):
        x, y, r = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(0.05, 0.22) * width
        colour = _shifted(dice.choice((above, below)), dice.randint(-45, 45))
        box = (x - r, y - r * dice.uniform(0.4, 1.6), x + r, y + r)
        (canvas.ellipse if dice.random() < 0.6 else canvas.rectangle)(_ordered(box), colour)
    return picture.filter(ImageFilter.GaussianBlur(width / 70)).resize(size, Image.Resampling.BICUBIC)


def _ordered(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _person(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """Head and shoulders, drawn twice as large for smooth edges, tilted about the head.

    The layer is longer than the picture, so that the tilted body still reaches its lower edge.
    """
    width, height = size[0] * 2, size[1] * 2
    layer = Image.new("RGBA", (width, height + width // 4), (0, 0, 0, 0))
    pen = _Pen(ImageDraw.Draw(layer), width * scene.across, height * 0.42, height * scene.head)
    _shoulders(pen, _CLOTHES[scene.clothes], layer.height)
    _head(pen)
    _features(pen, scene.smile)
    turned = layer.rotate(scene.tilt, Image.Resampling.BILINEAR, center=(pen.x, pen.y))
    return turned.resize(size, Image.Resampling.BOX, box=(0, 0, width, height))


class _Pen:
    """Draws in units of the head's height around the head's middle."""

    def __init__(self, canvas: ImageDraw.ImageDraw, x: float, y: float, head: float) -> None:
        self.canvas, self.x, self.y, self.head = canvas, x, y, head

    def box(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        x, y = self.x + x * self.head, self.y + y * self.head
        half_width, half_height = width * self.head / 2, height * self.head / 2
        return x - half_width, y - half_height, x + half_width, y + half_height

    def oval(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        self.canvas.ellipse(self.box(x, y, width, height), colour)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float) -> None:
        placed = [(self.x + x * self.head, self.y + y * self.head) for x, y in points]
        self.canvas.line(placed, colour, max(1, round(width * self.head)), "curve")


def _shoulders(pen: _Pen, clothes: Colour, bottom: int) -> None:
    pen.oval(0, 0.12, 0.92, 1.25, _HAIR)
    pen.canvas.rounded_rectangle(pen.box(0, 0.58, 0.36, 0.5), pen.head * 0.12, _SKIN_SHADE)
    left, top, right, _ = pen.box(0, 1.35, 1.75, 1.2)
    pen.canvas.rounded_rectangle((left, top, right, bottom + pen.head), pen.head * 0.4, clothes)
    pen.oval(0, 0.76, 0.5, 0.24, _SKIN_SHADE)
    for x in (-0.55, 0.55):
        pen.line([(x, 1.0), (x * 0.92, 2.4)], _shifted(clothes, -28), 0.02)


def _head(pen: _Pen) -> None:
    for x in (-0.37, 0.37):
        pen.oval(x, 0.06, 0.12, 0.22, _SKIN_SHADE)
    pen.oval(0, 0.02, 0.74, 1.0, _SKIN)
    pen.canvas.pieslice(pen.box(0, -0.1, 0.84, 0.92), 182, 358, _HAIR)
    pen.oval(0.02, -0.06, 0.62, 0.34, _SKIN)
    for x in (-0.2, 0.2):
        pen.oval(x, 0.22, 0.16, 0.1, _shifted(_SKIN, -12))


def _features(pen: _Pen, smile: float) -> None:
    for x in (-0.17, 0.17):
        pen.oval(x, -0.02, 0.2, 0.13, _shifted(_SKIN, -38))
        pen.oval(x, 0.0, 0.17, 0.09, (250, 248, 244))
        pen.oval(x, 0.0, 0.085, 0.088, (62, 92, 84))
        pen.oval(x, 0.0, 0.045, 0.047, (20, 20, 22))
        pen.oval(x + 0.015, -0.015, 0.018, 0.018, (255, 255, 255))
        arch = [(x + step * 0.11, -0.115 - 0.025 * math.cos(step * 1.4)) for step in (-1, -0.5, 0, 0.5, 1)]
        pen.line(arch, _shifted(_HAIR, -10), 0.028)
    _nose(pen)
    mouth = [(x / 10 * 0.14, 0.32 - 0.05 * smile * (x / 10) ** 2) for x in range(-10, 11)]
    pen.line(mouth, (150, 62, 66), 0.035)


def _nose(pen: _Pen) -> None:
    """Wings, tip and nostrils: without them the detector takes some of the drawn faces for none."""
    pen.line([(0.0, 0.02), (0.045, 0.17), (0.0, 0.19), (-0.045, 0.185)], _SKIN_SHADE, 0.02)
    pen.oval(0, 0.165, 0.13, 0.09, _SKIN_SHADE)
    pen.oval(0, 0.15, 0.09, 0.08, _shifted(_SKIN, 8))
    for x in (-0.035, 0.035):
        pen.oval(x, 0.195, 0.03, 0.018, (120, 72, 60))


def _shifted(colour: Colour, by: int) -> Colour:
    red, green, blue = (min(255, max(0, channel + by)) for channel in colour)
    return red, green, blue


def _label(picture: Image.Image) -> None:
    canvas, size = ImageDraw.Draw(picture), max(14, picture.height // 55)
    place = (picture.width - size, picture.height - size)
    font = ImageFont.load_default(size)
    canvas.text(
        place, "SYNTHETIC", "white", font, anchor="rs", stroke_width=max(1, size // 12), stroke_fill="#333"
    )
