"""Measuring one decoded picture with Pillow's and numpy's statistics. Runs in a decoder process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image, ImageFilter, ImageOps, ImageStat

from apiframe_studio.photos import faces
from apiframe_studio.photos.verdicts import Box, Facts

if TYPE_CHECKING:
    from apiframe_studio.photos.reading import Picture

LONG_SIDE = 1024
PRINT_SIDE = 16
_TILES = 4
_MIXABLE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
_LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)


def measure(picture: Picture) -> tuple[Facts, Image.Image]:
    """The facts of a picture and a small upright copy (RGB, at most 1024 pixels) for the thumbnails."""
    small = plain(shrunk(picture.image, LONG_SIDE, Image.Resampling.BOX))
    detection = faces.detect(small)
    turn = detection.turn if detection else 0
    width, height = (picture.width, picture.height) if turn % 180 == 0 else (picture.height, picture.width)
    small = faces.turned(small, turn)
    grey = small.convert("L")
    found = detection.faces if detection else None
    facts = Facts(
        format=picture.format,
        width=width,
        height=height,
        sharpness=round(sharpness(grey, found[0] if found else None), 2),
        brightness=round(brightness(grey, found[0] if found else None), 1),
        faces=found,
        day=picture.day,
        turn=turn,
    )
    return facts, small


def shrunk(image: Image.Image, side: int, by: Image.Resampling) -> Image.Image:
    """At most `side` pixels long, shrunk in place before any conversion, for the sake of memory.

    Palettes, 1 and 16 bit pictures are converted first: Pillow would drop their pixels instead of mixing them.
    """
    ready = image if image.mode in _MIXABLE and "transparency" not in image.info else plain(image)
    ready.thumbnail((side, side), by)
    return ready


def plain(image: Image.Image) -> Image.Image:
    """RGB on white. Transparent pictures would otherwise show whatever lies under the transparency."""
    if image.mode.startswith("I") or image.mode == "F":
        image = (
            image.point(lambda level: level / 256, "L")
            if image.mode.startswith("I;16")
            else image.convert("L")
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def sharpness(grey: Image.Image, face: Box | None = None) -> float:
    """The sharpest tile decides, since a good portrait has a soft background; with a face, the face."""
    if face is not None:
        grey = grey.crop(_pixels(face, grey.size))
    edges = ImageOps.crop(grey.filter(_LAPLACIAN), 1) if min(grey.size) > 2 else grey
    tiles = 1 if face is not None else _TILES
    width, height = edges.size
    if min(width, height) < _TILES:
        return 0.0
    return max(
        ImageStat.Stat(
            edges.crop(
                (width * x // tiles, height * y // tiles, width * (x + 1) // tiles, height * (y + 1) // tiles)
            )
        ).stddev[0]
        for x in range(tiles)
        for y in range(tiles)
    )


def brightness(grey: Image.Image, face: Box | None = None) -> float:
    """The mean level, with a face of the face: before a dark or a bright background it is all that counts."""
    return ImageStat.Stat(grey.crop(_pixels(face, grey.size)) if face is not None else grey).mean[0]


def _pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size
    right, bottom = box.left + box.width, box.top + box.height
    return round(box.left * width), round(box.top * height), round(right * width), round(bottom * height)


def print_of(small: Image.Image) -> bytes:
    """256 grey levels of a 16 x 16 thumbnail: what likeness is judged by."""
    return small.convert("L").resize((PRINT_SIDE, PRINT_SIDE), Image.Resampling.BOX).tobytes()


def compare(prints: Sequence[bytes], alike: float) -> tuple[list[tuple[int, int]], float | None]:
    """Pairs of places whose prints correlate at least `alike` (numpy.corrcoef), and the median of all pairs.

    An even grey print correlates with nothing. The median is None for fewer than two prints.
    """
    import numpy

    if len(prints) < 2:
        return [], None
    levels = numpy.array([list(print_) for print_ in prints], dtype=float)
    with numpy.errstate(invalid="ignore", divide="ignore"):
        matrix = numpy.nan_to_num(numpy.corrcoef(levels))
    rows, columns = numpy.triu_indices(len(prints), 1)
    pairs = matrix[rows, columns]
    hits = numpy.flatnonzero(pairs >= alike)
    return [(int(rows[hit]), int(columns[hit])) for hit in hits], round(float(numpy.median(pairs)), 3)
