"""Draw the contact sheet of a check: a thumbnail, a mark, a number and a name for every photo.

A mark is a shape and a colour (green disc and tick, amber triangle and !, red square and cross), so that it is clear
without colour vision. Runs in a decoder process.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import PurePath

from PIL import Image, ImageDraw, ImageFont, ImageOps

from apiframe_studio.photos.limits import MAX_TILES
from apiframe_studio.photos.metrics import encode_jpeg
from apiframe_studio.photos.models import Box, Verdict

MAX_BYTES = 200_000
THUMBNAIL = 240

_QUALITIES = {1500: (75, 65, 55), 1300: (75, 65, 55), 1100: (75, 65, 55, 40, 25), 750: (25,)}
"""JPEG qualities by width, tried in this order: a smaller sheet stays sharper than one compressed further."""
_FACES_HIGH = 3.2
"""Width of a tile in face heights: enough to show other people."""
_ROOM = 1.3
"""Width of a tile with several faces, relative to their extent."""
_GAP = 14
_PAPER, _INK, _FAINT, _EMPTY = "#f7f6f3", "#24272b", "#6b7076", "#dcdad5"
_COLOURS = {Verdict.USE: "#1f8a4c", Verdict.WARN: "#d98a00", Verdict.REJECT: "#c0392b"}
_NOTES = {**_COLOURS, Verdict.WARN: "#925d00"}
_WORDS = {Verdict.USE: "good", Verdict.WARN: "doubtful", Verdict.REJECT: "rejected"}
_HEADER = 64
_CAPTION = 46
_NAME = 26


@dataclass(frozen=True, slots=True)
class Tile:
    """`note` is a short text below the name; `thumbnail` is None if the photo could not be decoded."""

    number: int
    name: str
    verdict: Verdict
    note: str
    thumbnail: Image.Image | None


@dataclass(frozen=True, slots=True)
class Heading:
    """The line above the tiles: the number of photos by verdict, the sheet's code, a remark."""

    counts: Mapping[Verdict, int] = field(default_factory=dict[Verdict, int])
    code: str = ""
    remark: str = ""


def make_tile(photo: Image.Image, faces: Sequence[Box] | None) -> Image.Image:
    """Return a thumbnail of an upright photo: a square around its faces, or all of it if that would hide one."""
    square = _around(faces, photo.size) if faces else None
    small = photo.crop(square) if square else photo.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    return small


def _around(faces: Sequence[Box], size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Return the square of pixels that contains all faces, if there is one in the photo."""
    width, height = size
    left, top = min(face.left for face in faces) * width, min(face.top for face in faces) * height
    right = max(face.left + face.width for face in faces) * width
    bottom = max(face.top + face.height for face in faces) * height
    extent = _ROOM * max(right - left, bottom - top)
    if len(faces) > 1 and extent > min(width, height):
        return None
    tallest = max(face.height for face in faces) * height
    side = round(min(width, height, max(_FACES_HIGH * tallest, extent, 8)))
    x = min(max(0, round((left + right - side) / 2)), width - side)
    y = min(max(0, round((top + bottom - side) / 2)), height - side)
    return x, y, x + side, y + side


def draw(tiles: Sequence[Tile], heading: Heading | None = None) -> bytes:
    """Return a JPEG of at most 200,000 bytes, with at most 60 tiles."""
    shown = tiles[:MAX_TILES]
    heading = heading or Heading(Counter(tile.verdict for tile in tiles))
    jpeg = b""
    for width, qualities in _QUALITIES.items():
        sheet = _sheet(shown, heading, width)
        for quality in qualities:
            if len(jpeg := encode_jpeg(sheet, quality)) < MAX_BYTES:
                return jpeg
    return jpeg


def _sheet(tiles: Sequence[Tile], heading: Heading, widest: int) -> Image.Image:
    columns = min(len(tiles), max(5, math.ceil(math.sqrt(len(tiles) * 1.2)))) or 1
    width = min(widest, max(700, columns * (THUMBNAIL + _GAP) + _GAP))
    side = min(THUMBNAIL, (width - _GAP) // columns - _GAP)
    rows = [tiles[first : first + columns] for first in range(0, len(tiles), columns)]
    # Below a tile is its name, and in a row with a note room for that too.
    heights = [side + (_CAPTION if any(tile.note for tile in row) else _NAME) + _GAP for row in rows]
    sheet = Image.new("RGB", (width, _HEADER + sum(heights) + _GAP), _PAPER)
    _header(sheet, heading)
    for row, top in zip(rows, accumulate(heights, initial=_HEADER), strict=False):
        for column, tile in enumerate(row):
            _tile(sheet, tile, _GAP + column * (side + _GAP), top, side)
    return sheet


def _header(sheet: Image.Image, heading: Heading) -> None:
    """Draw the counts, which are also the legend, and on the right the code that is used to name a photo."""
    canvas, left = ImageDraw.Draw(sheet), _GAP
    for verdict in Verdict:
        sheet.paste(mark := _mark(verdict, 34), (left, 15), mark)
        text = f"{heading.counts.get(verdict, 0)} {_WORDS[verdict]}"
        canvas.text((left + 42, 32), text, _INK, _font(22), anchor="lm")
        left += 42 + round(canvas.textlength(text, _font(22))) + 30
    right = sheet.width - _GAP
    if heading.code:
        canvas.text((right, 32), heading.code, _INK, _font(22), anchor="rm")
        right -= round(canvas.textlength(heading.code, _font(22))) + 8
        canvas.text((right, 32), "sheet", _FAINT, _font(18), anchor="rm")
        right -= round(canvas.textlength("sheet", _font(18))) + 24
    if heading.remark and left + canvas.textlength(heading.remark, _font(18)) < right:
        canvas.text((right, 32), heading.remark, _FAINT, _font(18), anchor="rm")


def _tile(sheet: Image.Image, tile: Tile, left: int, top: int, side: int) -> None:
    sheet.paste(_framed(tile, side), (left, top))
    canvas = ImageDraw.Draw(sheet)
    if tile.verdict is not Verdict.USE:
        frame = (left, top, left + side - 1, top + side - 1)
        canvas.rectangle(frame, outline=_COLOURS[tile.verdict], width=4)
    mark = _mark(tile.verdict, max(26, side // 5))
    sheet.paste(mark, (left + side - mark.width - 6, top + side - mark.height - 6), mark)
    _number(canvas, tile.number, left, top, 20 if side > 160 else 16)
    canvas.text((left, top + side + 5), _fit(canvas, tile.name, side, 16), _INK, _font(16))
    canvas.text((left, top + side + 25), _fit(canvas, tile.note, side, 15), _NOTES[tile.verdict], _font(15))


def _framed(tile: Tile, side: int) -> Image.Image:
    if tile.thumbnail is None:
        return Image.new("RGB", (side, side), _EMPTY)
    photo = ImageOps.pad(tile.thumbnail.convert("RGB"), (side, side), Image.Resampling.LANCZOS, _EMPTY)
    if tile.verdict is Verdict.REJECT:
        return Image.blend(photo, Image.new("RGB", photo.size, _PAPER), 0.3)
    return photo


def _number(canvas: ImageDraw.ImageDraw, number: int, left: int, top: int, size: int) -> None:
    font = _font(size)
    width, height = round(canvas.textlength(str(number), font)) + size * 3 // 4, size * 7 // 5
    canvas.rounded_rectangle((left + 6, top + 6, left + 6 + width, top + 6 + height), size * 2 // 5, _INK)
    canvas.text((left + 6 + width / 2, top + 6 + height / 2), str(number), "white", font, anchor="mm")


def _mark(verdict: Verdict, size: int) -> Image.Image:
    """Draw at four times the size and reduce, because Pillow does not antialias."""
    big = size * 4
    mark = Image.new("RGBA", (big, big), (0, 0, 0, 0))
    canvas, colour = ImageDraw.Draw(mark), _COLOURS[verdict]

    def points(*fractions: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * big, y * big) for x, y in fractions]

    stroke, rim = round(big * 0.11), round(big * 0.05)
    if verdict is Verdict.USE:
        canvas.ellipse(points((0.02, 0.02), (0.98, 0.98)), colour, "white", rim)
        canvas.line(points((0.27, 0.52), (0.44, 0.69), (0.74, 0.34)), "white", stroke, "curve")
    elif verdict is Verdict.WARN:
        canvas.polygon(points((0.5, 0.0), (1.0, 0.96), (0.0, 0.96)), "white")
        canvas.polygon(points((0.5, 0.1), (0.92, 0.91), (0.08, 0.91)), colour)
        canvas.line(points((0.5, 0.38), (0.5, 0.64)), "white", stroke)
        canvas.ellipse(points((0.44, 0.71), (0.56, 0.83)), "white")
    else:
        canvas.rounded_rectangle(points((0.03, 0.03), (0.97, 0.97)), big * 0.12, colour, "white", rim)
        canvas.line(points((0.29, 0.29), (0.71, 0.71)), "white", stroke)
        canvas.line(points((0.71, 0.29), (0.29, 0.71)), "white", stroke)
    return mark.resize((size, size), Image.Resampling.LANCZOS)


def _fit(canvas: ImageDraw.ImageDraw, text: str, width: int, size: int) -> str:
    """Shorten a name to fit: without its suffix, then in the middle, because cameras count at the end.

    The built-in font has only Latin letters; others are shown as a question mark.
    """
    plain = unicodedata.normalize("NFKD", text[-120:]).encode("ascii", "replace").decode()
    font = _font(size)
    if canvas.textlength(plain, font) <= width:
        return plain
    fitted = stem = PurePath(plain).stem
    cut = 0
    while canvas.textlength(fitted, font) > width and cut < len(stem):
        cut += 1
        begun = (len(stem) - cut) // 3
        fitted = stem[:begun] + "..." + stem[begun + cut :]
    return fitted


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
