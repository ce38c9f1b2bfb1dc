"""Drawing a person: what the synthetic photos and the sandbox's images have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Appearance:
    """What a person looks like in every drawing."""

    skin: Colour
    shade: Colour
    hair: Colour
    clothes: Colour
    long_hair: bool = True
    glasses: bool = False
    has_face: bool = True


@dataclass(frozen=True, slots=True)
class Pose:
    """How a person is placed. `head` is the head's height, `x` its centre, both as fractions of the drawing's
    height and width; `tilt` is in degrees; `smile` goes from 0 to 1."""

    head: float
    x: float
    tilt: float = 0
    smile: float = 0.5


def draw_person(
    size: tuple[int, int], appearance: Appearance, pose: Pose, oversampling: int = 2
) -> Image.Image:
    """Draw head and shoulders on a transparent layer, larger by `oversampling` for smooth edges.

    The layer extends below the drawing, so that a tilted body still reaches the lower edge.
    """
    width, height = size[0] * oversampling, size[1] * oversampling
    layer = Image.new("RGBA", (width, height + width // 4), (0, 0, 0, 0))
    pen = _Pen(ImageDraw.Draw(layer), width * pose.x, height * 0.42, height * pose.head)
    _draw_shoulders(pen, appearance, layer.height)
    _draw_head(pen, appearance)
    if appearance.has_face:
        _draw_face(pen, appearance, pose.smile)
    # Turned after it is reduced: turning takes longest.
    centre = pen.x / oversampling, pen.y / oversampling
    turned = layer.reduce(oversampling).rotate(pose.tilt, Image.Resampling.BILINEAR, center=centre)
    return turned.crop((0, 0, *size))


def draw_gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


def shift_colour(colour: Colour, by: int) -> Colour:
    """Return a lighter or darker colour: `by` is added to each channel."""
    red, green, blue = (min(255, max(0, channel + by)) for channel in colour)
    return red, green, blue


class _Pen:
    """Draws in units of the head's height around the head's centre."""

    def __init__(self, canvas: ImageDraw.ImageDraw, x: float, y: float, head: float) -> None:
        self.canvas, self.x, self.y, self.head = canvas, x, y, head

    def box(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        x, y = self.x + x * self.head, self.y + y * self.head
        half_width, half_height = width * self.head / 2, height * self.head / 2
        return x - half_width, y - half_height, x + half_width, y + half_height

    def oval(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        self.canvas.ellipse(self.box(x, y, width, height), colour)

    def ring(self, x: float, y: float, size: float, colour: Colour, line: float) -> None:
        self.canvas.ellipse(self.box(x, y, size, size), outline=colour, width=self._pixels(line))

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float) -> None:
        placed = [(self.x + x * self.head, self.y + y * self.head) for x, y in points]
        self.canvas.line(placed, colour, self._pixels(width), "curve")

    def _pixels(self, width: float) -> int:
        return max(1, round(width * self.head))


def _draw_shoulders(pen: _Pen, look: Appearance, bottom: int) -> None:
    if look.long_hair:
        pen.oval(0, 0.12, 0.92, 1.25, look.hair)
    pen.canvas.rounded_rectangle(pen.box(0, 0.58, 0.36, 0.5), pen.head * 0.12, look.shade)
    left, top, right, _ = pen.box(0, 1.35, 1.75, 1.2)
    pen.canvas.rounded_rectangle((left, top, right, bottom + pen.head), pen.head * 0.4, look.clothes)
    pen.oval(0, 0.76, 0.5, 0.24, look.shade)
    for x in (-0.55, 0.55):
        pen.line([(x, 1.0), (x * 0.92, 2.4)], shift_colour(look.clothes, -28), 0.02)


def _draw_head(pen: _Pen, look: Appearance) -> None:
    for x in (-0.37, 0.37):
        pen.oval(x, 0.06, 0.12, 0.22, look.shade)
    pen.oval(0, 0.02, 0.74, 1.0, look.skin)
    pen.canvas.pieslice(pen.box(0, -0.1, 0.84, 0.92), 182, 358, look.hair)
    pen.oval(0.02, -0.06, 0.62, 0.34, look.skin)


def _draw_face(pen: _Pen, look: Appearance, smile: float) -> None:
    for x in (-0.2, 0.2):
        pen.oval(x, 0.22, 0.16, 0.1, shift_colour(look.skin, -12))
    for x in (-0.17, 0.17):
        pen.oval(x, -0.02, 0.2, 0.13, shift_colour(look.skin, -38))
        pen.oval(x, 0.0, 0.17, 0.09, (250, 248, 244))
        pen.oval(x, 0.0, 0.085, 0.088, (62, 92, 84))
        pen.oval(x, 0.0, 0.045, 0.047, (20, 20, 22))
        pen.oval(x + 0.015, -0.015, 0.018, 0.018, (255, 255, 255))
        brow = [(x + step * 0.11, -0.115 - 0.025 * math.cos(step * 1.4)) for step in (-1, -0.5, 0, 0.5, 1)]
        pen.line(brow, shift_colour(look.hair, -10), 0.028)
    _draw_nose(pen, look)
    mouth = [(x / 10 * 0.14, 0.32 - 0.05 * smile * (x / 10) ** 2) for x in range(-10, 11)]
    pen.line(mouth, (150, 62, 66), 0.035)
    if look.glasses:
        _draw_glasses(pen)


def _draw_nose(pen: _Pen, look: Appearance) -> None:
    # Without wings, tip and nostrils the face detector misses some of the drawn faces.
    pen.line([(0.0, 0.02), (0.045, 0.17), (0.0, 0.19), (-0.045, 0.185)], look.shade, 0.02)
    pen.oval(0, 0.165, 0.13, 0.09, look.shade)
    pen.oval(0, 0.15, 0.09, 0.08, shift_colour(look.skin, 8))
    for x in (-0.035, 0.035):
        pen.oval(x, 0.195, 0.03, 0.018, (120, 72, 60))


def _draw_glasses(pen: _Pen) -> None:
    frame = (40, 36, 40)
    for x in (-0.17, 0.17):
        pen.ring(x, 0, 0.25, frame, 0.02)
    pen.line([(-0.045, 0), (0.045, 0)], frame, 0.02)
