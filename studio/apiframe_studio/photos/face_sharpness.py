"""Measure how sharp a face is, with numpy, which the extra for the face checks brings. Runs in a decoder process."""

from __future__ import annotations

from typing import Any

import numpy
from PIL import Image, ImageFilter

# A face is scaled to at most this height and smoothed by this radius; sizes of a block and of a second difference.
_FACE_SIDE, _SMOOTHED, _BLOCK, _REACH = 320, 1.5, 8, 2
# Down, right, and a factor that makes up for the shorter diagonal distance.
_DIRECTIONS = ((0, 2, 1.0), (2, 0, 1.0), (1, 1, 1.4), (1, -1, 1.4))


def measure_face_sharpness(face: Image.Image) -> float:
    """Return the standard deviation of the second difference in the direction where it is lowest.

    Grain hides blur from a plain Laplacian, so the face is smoothed first, and the variance of the smoothest tenth
    of its blocks is subtracted as grain. Motion blurs only one direction, so the lowest counts.
    """
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
