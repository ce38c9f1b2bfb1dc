"""One picture of a whole check: a thumbnail, a mark, a number and a name for every photo.

A mark is a shape and a colour (green disc and tick, amber triangle and !, red square and cross), so that it
can be read without telling colours apart. Runs in a decoder process.
"""

from __future__ import annotations

import io
import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

from apiframe_studio.photos.verdicts import Verdict

MOST_BYTES = 200_000
MOST_TILES = 60
THUMBNAIL = 240

_WIDTH = 1500
_GAP = 14
_PAPER, _INK, _FAINT, _EMPTY = "#f7f6f3", "#24272b", "#6b7076", "#dcdad5"
_COLOURS = {Verdict.USE: "#1f8a4c", Verdict.WARN: "#d98a00", Verdict.REJECT: "#c0392b"}
_NOTES = {**_COLOURS, Verdict.WARN: "#925d00"}
_HEADER = 64
_CAPTION = 46


@dataclass(frozen=True, slots=True)
class Tile:
    """`note` is a word or two under the name; `thumbnail` is None for what could not be decoded."""

    number: int
    name: str
    verdict: Verdict
    note: str
    thumbnail: Image.Image | None


def draw(tiles: Sequence[Tile]) -> bytes:
    """A JPEG of at most 200,000 bytes; the first 60 tiles are shown, the others counted."""
    sheet = _sheet(tiles)
    for quality in (88, 82, 75, 66, 55, 40):
        jpeg = _jpeg(sheet, quality)
        if len(jpeg) < MOST_BYTES:
            return jpeg
    sheet.thumbnail((_WIDTH // 2, sheet.height), Image.Resampling.LANCZOS)
    return _jpeg(sheet, 40)


def _jpeg(sheet: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=quality, subsampling=0 if quality > 80 else 2)
    return file.getvalue()


def _sheet(tiles: Sequence[Tile]) -> Image.Image:
    shown = tiles[:MOST_TILES]
    columns = min(len(shown), max(5, math.ceil(math.sqrt(len(shown) * 1.2)))) or 1
    width = min(_WIDTH, max(620, columns * (THUMBNAIL + _GAP) + _GAP))
    side = min(THUMBNAIL, (width - _GAP) // columns - _GAP)
    rows = math.ceil(len(shown) / columns)
    sheet = Image.new("RGB", (width, _HEADER + rows * (side + _CAPTION + _GAP) + _GAP), _PAPER)
    _header(sheet, tiles)
    for place, tile in enumerate(shown):
        left = _GAP + place % columns * (side + _GAP)
        top = _HEADER + place // columns * (side + _CAPTION + _GAP)
        _tile(sheet, tile, left, top, side)
    return sheet


def _header(sheet: Image.Image, tiles: Sequence[Tile]) -> None:
    """The legend is the count: each mark, its word, and how many."""
    canvas, left = ImageDraw.Draw(sheet), _GAP
    counts = Counter(tile.verdict for tile in tiles)
    for verdict in Verdict:
        sheet.paste(mark := _mark(verdict, 34), (left, 15), mark)
        text = f"{counts[verdict]} {verdict.value}"
        canvas.text((left + 42, 32), text, _INK, _font(22), anchor="lm")
        left += 42 + round(canvas.textlength(text, _font(22))) + 34
    if len(tiles) > MOST_TILES:
        more = f"first {MOST_TILES} of {len(tiles)}"
        canvas.text((sheet.width - _GAP, 32), more, _FAINT, _font(18), anchor="rm")


def _tile(sheet: Image.Image, tile: Tile, left: int, top: int, side: int) -> None:
    sheet.paste(_framed(tile, side), (left, top))
    canvas = ImageDraw.Draw(sheet)
    if tile.verdict is not Verdict.USE:
        canvas.rectangle(
            (left, top, left + side - 1, top + side - 1), outline=_COLOURS[tile.verdict], width=4
        )
    mark = _mark(tile.verdict, max(28, side // 5))
    sheet.paste(mark, (left + side - mark.width - 6, top + side - mark.height - 6), mark)
    _number(canvas, tile.number, left, top)
    canvas.text((left, top + side + 5), _fit(canvas, tile.name, side, 16), _INK, _font(16))
    canvas.text((left, top + side + 25), _fit(canvas, tile.note, side, 15), _NOTES[tile.verdict], _font(15))


def _framed(tile: Tile, side: int) -> Image.Image:
    if tile.thumbnail is None:
        return Image.new("RGB", (side, side), _EMPTY)
    picture = ImageOps.pad(tile.thumbnail.convert("RGB"), (side, side), Image.Resampling.LANCZOS, _EMPTY)
    if tile.verdict is Verdict.REJECT:
        return Image.blend(picture, Image.new("RGB", picture.size, _PAPER), 0.5)
    return picture


def _number(canvas: ImageDraw.ImageDraw, number: int, left: int, top: int) -> None:
    font = _font(20)
    width = round(canvas.textlength(str(number), font)) + 16
    canvas.rounded_rectangle((left + 6, top + 6, left + 6 + width, top + 34), 8, _INK)
    canvas.text((left + 6 + width / 2, top + 20), str(number), "white", font, anchor="mm")


def _mark(verdict: Verdict, size: int) -> Image.Image:
    """Drawn four times as large and reduced, because Pillow draws without smoothing."""
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
    """As much of a name as fits. The built-in font has Latin letters only: others show as a question mark."""
    plain = unicodedata.normalize("NFKD", text[:120]).encode("ascii", "replace").decode()
    font = _font(size)
    if canvas.textlength(plain, font) <= width:
        return plain
    while plain and canvas.textlength(plain + "...", font) > width:
        plain = plain[:-1]
    return plain + "..."


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
