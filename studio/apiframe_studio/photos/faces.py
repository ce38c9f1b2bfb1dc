"""Finding frontal faces with OpenCV's Haar cascade, which ships inside the wheel. Runs in a decoder process.

Why this detector and what it misses: docs/decisions/0010-face-detector.md. It needs the extra
`apiframe-photo-mcp[faces]`; without it `available()` is False and nothing is guessed.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from apiframe_studio.photos.verdicts import Box

if TYPE_CHECKING:
    from PIL import Image

_LONG_SIDE = 640
_SCALE_STEP = 1.1
_NEIGHBOURS = 6
_SMALLEST = 0.06
_TILTS = (0, 15, -15)


def available() -> bool:
    """Whether the extra is installed. Does not import it."""
    return find_spec("cv2") is not None


def detect(image: Image.Image) -> tuple[Box, ...] | None:
    """Faces in an upright picture, largest first; None when the detector cannot be loaded.

    Faces narrower than 6 % of the short side are not looked for. Only when none is found is the picture
    tilted by 15 degrees either way.
    """
    cascade = _cascade()
    if cascade is None:
        return None
    grey = image.convert("L")
    grey.thumbnail((_LONG_SIDE, _LONG_SIDE))
    for tilt in _TILTS:
        boxes = _detect_upright(cascade, grey.rotate(tilt, fillcolor=128) if tilt else grey)
        if boxes:
            return tuple(sorted(boxes, key=lambda box: -box.width * box.height))
    return ()


@cache
def _cascade() -> Any | None:
    """OpenCV 5 moved cascades out of its main wheel: an install with it counts as no detector."""
    try:
        import cv2

        cv2.setNumThreads(1)
        folder = os.path.join(os.path.dirname(cv2.__file__), "data")
        cascade = cv2.CascadeClassifier(os.path.join(folder, "haarcascade_frontalface_alt2.xml"))
    except (ImportError, AttributeError):
        return None
    return None if cascade.empty() else cascade


def _detect_upright(cascade: Any, grey: Image.Image) -> list[Box]:
    import numpy

    smallest = max(24, round(min(grey.size) * _SMALLEST))
    found = cascade.detectMultiScale(
        numpy.asarray(grey), scaleFactor=_SCALE_STEP, minNeighbors=_NEIGHBOURS, minSize=(smallest, smallest)
    )
    width, height = grey.size
    return [Box(int(x) / width, int(y) / height, int(w) / width, int(h) / height) for x, y, w, h in found]
