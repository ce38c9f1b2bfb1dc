"""Shapes of a drawing, and their rendering as SVG or as PNG."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont

SANS: Final = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Helvetica, Arial, sans-serif"
MONO: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
SCALE: Final = 2
"""Pixels of a PNG for each unit of the drawing."""


class Box(NamedTuple):
    """A rectangle with rounded corners."""

    left: float
    top: float
    width: float
    height: float
    radius: int
    fill: str
    stroke: str | None = None


class Text(NamedTuple):
    """A line of text. `left` is its centre if it is centred; `baseline` is in units from the top."""

    text: str
    left: float
    baseline: float
    size: int
    colour: str
    is_code: bool = False
    is_centred: bool = False


class Photo(NamedTuple):
    """A JPEG, scaled to a square."""

    jpeg: bytes
    left: float
    top: float
    side: int


Shape = Box | Text | Photo


def measure(text: str, size: int) -> float:
    """Return the width of a line in Pillow's font, which most others come close to."""
    return ImageFont.load_default(size).getlength(text)


def to_svg(shapes: Sequence[Shape], width: int, height: int) -> str:
    """Return an SVG that loads nothing."""
    parts = [f"{_to_element(shape)}\n" for shape in shapes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="{SANS}">\n{"".join(parts)}</svg>\n'
    )


def to_png(shapes: Sequence[Shape], width: int, height: int) -> bytes:
    """Return a PNG with a white background."""
    image = Image.new("RGB", (width * SCALE, height * SCALE), "white")
    pen = ImageDraw.Draw(image)
    for shape in shapes:
        match shape:
            case Box():
                _draw_box(pen, shape)
            case Text():
                _draw_text(pen, shape)
            case Photo():
                side = shape.side * SCALE
                with Image.open(BytesIO(shape.jpeg)) as opened:
                    photo = opened.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
                image.paste(photo, (round(shape.left * SCALE), round(shape.top * SCALE)))
    return encode_png(image)


def encode_png(image: Image.Image) -> bytes:
    """Return a small PNG: with 256 colours, unless the image has transparent parts."""
    content = BytesIO()
    reduced = image.quantize(256) if image.mode == "RGB" else image
    reduced.save(content, "PNG", optimize=True)
    return content.getvalue()


def _to_element(shape: Shape) -> str:
    match shape:
        case Box(left, top, width, height, radius, fill, stroke):
            edge = f' stroke="{stroke}"' if stroke else ""
            size = f'width="{width:g}" height="{height:g}"'
            return f'<rect x="{left:g}" y="{top:g}" {size} rx="{radius}" fill="{fill}"{edge}/>'
        case Text():
            font = f' font-family="{MONO}"' if shape.is_code else ""
            anchor = ' text-anchor="middle"' if shape.is_centred else ""
            return (
                f'<text x="{shape.left:.0f}" y="{shape.baseline:.0f}" font-size="{shape.size}" '
                f'fill="{shape.colour}"{font}{anchor}>{escape(shape.text)}</text>'
            )
        case Photo(jpeg, left, top, side):
            data = base64.b64encode(jpeg).decode()
            return (
                f'<image x="{left:g}" y="{top:g}" width="{side}" height="{side}" '
                f'href="data:image/jpeg;base64,{data}"/>'
            )


def _draw_box(pen: ImageDraw.ImageDraw, box: Box) -> None:
    edges = (box.left, box.top, box.left + box.width, box.top + box.height)
    pen.rounded_rectangle(
        [edge * SCALE for edge in edges], box.radius * SCALE, box.fill, box.stroke, width=SCALE
    )


def _draw_text(pen: ImageDraw.ImageDraw, text: Text) -> None:
    pen.text(
        (text.left * SCALE, text.baseline * SCALE),
        text.text,
        text.colour,
        ImageFont.load_default(text.size * SCALE),
        anchor="ms" if text.is_centred else "ls",
    )
