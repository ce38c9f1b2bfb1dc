"""Measure a decoded photo with Pillow's statistics. Runs in a decoder process."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING

from PIL import Image, ImageFilter, ImageOps, ImageStat

from apiframe_studio.photos import faces
from apiframe_studio.photos.models import Box, Facts

if TYPE_CHECKING:
    from apiframe_studio.photos.decode import DecodedPhoto

LONG_SIDE = 1024
_TILES = 4
_MIXABLE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
_LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)


def measure(photo: DecodedPhoto) -> tuple[Facts, Image.Image]:
    """Return the facts of a photo and a small upright copy (RGB, at most 1024 pixels) for thumbnails."""
    small = flatten_to_rgb(shrink(photo.image, LONG_SIDE, Image.Resampling.BOX))
    detection = faces.detect(small)
    found, turn = (detection.faces, detection.turn) if detection else (None, 0)
    width, height = (photo.width, photo.height) if turn % 180 == 0 else (photo.height, photo.width)
    small = faces.rotate(small, turn)
    grey, face = small.convert("L"), found[0] if found else None
    facts = Facts(
        format=photo.format,
        width=width,
        height=height,
        sharpness=round(measure_sharpness(grey, face), 2),
        brightness=round(measure_brightness(grey, face), 1),
        faces=found,
        day=photo.day,
        turn=turn,
    )
    return facts, small


def shrink(image: Image.Image, side: int, by: Image.Resampling) -> Image.Image:
    """Reduce an image to at most `side` pixels, in place and before any conversion, to save memory.

    Palette, 1-bit and 16-bit images are converted first: Pillow would drop their pixels instead of mixing them.
    """
    ready = image if image.mode in _MIXABLE and "transparency" not in image.info else flatten_to_rgb(image)
    ready.thumbnail((side, side), by)
    return ready


def flatten_to_rgb(image: Image.Image) -> Image.Image:
    """Convert to RGB on white. Otherwise a transparent photo would show the colours below the transparency."""
    if image.mode.startswith("I;16"):
        image = image.point(lambda level: level / 256, "L")
    elif image.mode in {"I", "F"}:
        image = image.convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def measure_sharpness(grey: Image.Image, face: Box | None = None) -> float:
    """Measure the face if one is known, else the sharpest tile: a good portrait has a soft background.

    The two have different scales (`rules.BLURRED_BELOW`, `rules.BLURRED_FRAME_BELOW`).
    """
    if face is not None:
        # Imports numpy, which is installed where faces are detected.
        from apiframe_studio.photos.face_sharpness import measure_face_sharpness

        return measure_face_sharpness(grey.crop(_pixels(face, grey.size)))
    edges = ImageOps.crop(grey.filter(_LAPLACIAN), 1) if min(grey.size) > 2 else grey
    if min(edges.size) < _TILES:
        return 0.0
    columns, rows = ([side * step // _TILES for step in range(_TILES + 1)] for side in edges.size)
    tiles = [(x, y, right, bottom) for x, right in pairwise(columns) for y, bottom in pairwise(rows)]
    return max(ImageStat.Stat(edges.crop(tile)).stddev[0] for tile in tiles)


def measure_brightness(grey: Image.Image, face: Box | None = None) -> float:
    """Return the mean level of the face, or of the image without one. The background does not matter."""
    return ImageStat.Stat(grey.crop(_pixels(face, grey.size)) if face is not None else grey).mean[0]


def _pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size
    right, bottom = box.left + box.width, box.top + box.height
    return round(box.left * width), round(box.top * height), round(right * width), round(bottom * height)


def encode_jpeg(image: Image.Image, quality: int) -> bytes:
    """Return a baseline JPEG. Not with optimize: Pillow then wants the whole file in a buffer that grain overflows."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
