"""Measure a decoded photo with Pillow's and numpy's statistics. Runs in a decoder process."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFilter, ImageOps, ImageStat

from apiframe_studio.photos import faces
from apiframe_studio.photos.models import Box, Facts

if TYPE_CHECKING:
    from apiframe_studio.photos.decode import DecodedPhoto

LONG_SIDE = 1024
THUMBPRINT_SIDE = 32
_TILES = 4
# A face is scaled to at most this height and smoothed by this radius; sizes of a block and of a second difference.
_FACE_SIDE, _SMOOTHED, _BLOCK, _REACH = 320, 1.5, 8, 2
# Down, right, and a factor that makes up for the shorter diagonal distance.
_DIRECTIONS = ((0, 2, 1.0), (2, 0, 1.0), (1, 1, 1.4), (1, -1, 1.4))
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
        return _measure_face_sharpness(grey.crop(_pixels(face, grey.size)))
    edges = ImageOps.crop(grey.filter(_LAPLACIAN), 1) if min(grey.size) > 2 else grey
    if min(edges.size) < _TILES:
        return 0.0
    columns, rows = ([side * step // _TILES for step in range(_TILES + 1)] for side in edges.size)
    tiles = [(x, y, right, bottom) for x, right in pairwise(columns) for y, bottom in pairwise(rows)]
    return max(ImageStat.Stat(edges.crop(tile)).stddev[0] for tile in tiles)


def _measure_face_sharpness(face: Image.Image) -> float:
    """Return the standard deviation of the second difference in the direction where it is lowest.

    Grain hides blur from a plain Laplacian, so the face is smoothed first, and the variance of the smoothest tenth
    of its blocks is subtracted as grain. Motion blurs only one direction, so the lowest counts.
    """
    import numpy

    if face.height > _FACE_SIDE:
        width = max(1, round(face.width * _FACE_SIDE / face.height))
        face = face.resize((width, _FACE_SIDE), Image.Resampling.BOX)
    levels = numpy.asarray(face.filter(ImageFilter.GaussianBlur(_SMOOTHED)), dtype=numpy.float32)
    if min(levels.shape) < 2 * _REACH + _BLOCK:
        return 0.0
    height, width = levels.shape

    def part(down: int, right: int) -> Any:
        return levels[_REACH + down : height - _REACH + down, _REACH + right : width - _REACH + right]

    strengths: list[float] = []
    for down, right, scale in _DIRECTIONS:
        bends = part(down, right) + part(-down, -right) - 2 * part(0, 0)
        rows, columns = (length // _BLOCK for length in bends.shape)
        blocks = bends[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
        variances = blocks.var(axis=(1, 3))
        signal = float(variances.mean() - numpy.percentile(variances, 10))
        strengths.append(scale * max(0.0, signal) ** 0.5)
    return min(strengths)


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


def make_thumbprint(small: Image.Image) -> bytes:
    """Return the 1024 grey levels of a 32 x 32 thumbnail, by which similarity is measured."""
    return small.convert("L").resize((THUMBPRINT_SIDE, THUMBPRINT_SIDE), Image.Resampling.BOX).tobytes()


def compare_thumbprints(
    thumbprints: Sequence[bytes], alike: float
) -> tuple[list[tuple[int, int]], float | None]:
    """Return the pairs of indexes whose thumbprints correlate by at least `alike`, and the median of all pairs.

    Two thumbprints are also compared mirrored, and shifted by up to two of 32 or one of 16 pixels in each direction
    (6 %), which finds mirrored copies and shots of a burst; the median is that of the unshifted ones. A uniform
    thumbprint correlates with nothing. The median is None for fewer than two thumbprints.
    """
    import numpy

    if len(thumbprints) < 2:
        return [], None
    fine = numpy.array([list(thumbprint_) for thumbprint_ in thumbprints], dtype=numpy.float32)
    fine = fine.reshape(-1, THUMBPRINT_SIDE, THUMBPRINT_SIDE)
    coarse = fine.reshape(-1, THUMBPRINT_SIDE // 2, 2, THUMBPRINT_SIDE // 2, 2).mean(axis=(2, 4))
    rows, columns = numpy.triu_indices(len(thumbprints), 1)
    unshifted = _correlations(coarse, coarse, 0, 0)[rows, columns]
    highest = unshifted.copy()
    for levels, reach in ((fine, 2), (coarse, 1)):
        for other in (levels, levels[:, :, ::-1]):
            for down, right in product(range(-reach, reach + 1), repeat=2):
                found = _correlations(levels, other, down, right)[rows, columns]
                numpy.maximum(highest, found, out=highest)
    hits = numpy.flatnonzero(highest >= alike)
    return [(int(rows[hit]), int(columns[hit])) for hit in hits], round(float(numpy.median(unshifted)), 3)


def _correlations(ones: Any, others: Any, down: int, right: int) -> Any:
    """Correlate each of `ones` with each of `others`, shifted, over the overlap; 0 for uniform ones."""
    import numpy

    side = ones.shape[1]

    def overlap(levels: Any, down: int, right: int) -> Any:
        part = levels[:, max(0, down) : side + min(0, down), max(0, right) : side + min(0, right)]
        part = part.reshape(len(levels), -1)
        part = part - part.mean(axis=1, keepdims=True)
        length = numpy.linalg.norm(part, axis=1, keepdims=True)
        return numpy.divide(part, length, out=numpy.zeros_like(part), where=length > 0)

    return overlap(ones, down, right) @ overlap(others, -down, -right).T
