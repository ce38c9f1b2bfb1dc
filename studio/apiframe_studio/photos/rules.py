"""Rate photos by their facts: pure decisions and thresholds, no pixels.

The thresholds were set on real photos: docs/decisions/0010-face-detector.md and 0011-reading-photos.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath
from statistics import fmean

from apiframe_studio.photos.models import (
    WARNINGS,
    Box,
    Facts,
    PhotoVerdict,
    Reason,
    Suggestion,
    UncheckedAspect,
    Verdict,
)

SHORT_SIDE_NEEDED = 300
SHORT_SIDE_WANTED = 512
# Without face detection, the size of the frame is all there is to check.
SHORT_SIDE_NEEDED_UNSEEN = 512
SHORT_SIDE_WANTED_UNSEEN = 768
BLURRED_BELOW = 1.3
SOFT_BELOW = 1.85
BLURRED_FRAME_BELOW = 2.5
SOFT_FRAME_BELOW = 4.5
DARK_BELOW = 45.0
BRIGHT_ABOVE = 225.0
DUPLICATE_CORRELATION = 0.97
MONOTONOUS_CORRELATION = 0.6
FACE_PIXELS_NEEDED = 64
FACE_PIXELS_WANTED = 128
SECOND_FACE_COUNTS_FROM = 0.35
EDGE = 0.01
_COPY_OF = re.compile(
    r"(copy[ _-]of|copie[ _-]de|copia[ _-]de|cópia[ _-]de|kopie[ _-]v[oa]n|kopia)[ _-]", re.IGNORECASE
)
CLOSE_FROM = 0.40


def find_reasons(facts: Facts) -> tuple[Reason, ...]:
    """Return every reason against a photo by itself, worst first."""
    found = {_check_size(facts), _check_sharpness(facts), _check_light(facts), *_check_faces(facts)}
    return tuple(reason for reason in Reason if reason in found)


def _check_size(facts: Facts) -> Reason | None:
    """With face detection a small frame only warns: a small photo with a large face is good."""
    short, seen = min(facts.width, facts.height), facts.faces is not None
    if short < (SHORT_SIDE_NEEDED if seen else SHORT_SIDE_NEEDED_UNSEEN):
        return Reason.TOO_SMALL
    return Reason.SMALL if short < (SHORT_SIDE_WANTED if seen else SHORT_SIDE_WANTED_UNSEEN) else None


def _check_sharpness(facts: Facts) -> Reason | None:
    blurred, soft = (BLURRED_BELOW, SOFT_BELOW) if facts.faces else (BLURRED_FRAME_BELOW, SOFT_FRAME_BELOW)
    if facts.sharpness < blurred:
        return Reason.BLURRED
    return Reason.SOFT if facts.sharpness < soft else None


def _check_light(facts: Facts) -> Reason | None:
    if facts.brightness < DARK_BELOW:
        return Reason.DARK
    return Reason.BRIGHT if facts.brightness > BRIGHT_ABOVE else None


def _check_faces(facts: Facts) -> list[Reason]:
    """Ignore a much smaller second face: it is a passer-by or a poster."""
    if facts.faces is None:
        return []
    if not facts.faces:
        return [Reason.NO_FACE]
    largest = facts.faces[0]
    if any(face.height >= largest.height * SECOND_FACE_COUNTS_FROM for face in facts.faces[1:]):
        return [Reason.SEVERAL_FACES]
    found = _check_face_size(largest.height * facts.height)
    return [*found, Reason.CROPPED] if _touches_the_edge(largest) else found


def _check_face_size(pixels: float) -> list[Reason]:
    if pixels < FACE_PIXELS_NEEDED:
        return [Reason.FACE_TOO_SMALL]
    return [Reason.FACE_SMALL] if pixels < FACE_PIXELS_WANTED else []


def _touches_the_edge(face: Box) -> bool:
    return min(face.left, face.top, 1 - face.left - face.width, 1 - face.top - face.height) < EDGE


def rate(found: Collection[Reason]) -> Verdict:
    if not found:
        return Verdict.USE
    return Verdict.WARN if WARNINGS.issuperset(found) else Verdict.REJECT


def compute_score(photo: PhotoVerdict) -> float:
    """Return how useful a photo is for training, 0 to 3. A good photo always scores higher than a doubtful one.

    The integer part is the verdict (2 use, 1 warn, 0 reject). The fraction falls with the number of reasons, and
    rises with sharpness, light and the size of the face (of the frame, if no face is known).
    """
    severity = [Verdict.REJECT, Verdict.WARN, Verdict.USE].index(photo.verdict)
    if photo.facts is None:
        return 0.0
    return severity + 0.99 * _rate_quality(photo.facts) / (1 + len(photo.reasons))


def _rate_quality(facts: Facts) -> float:
    """Return 0 to 1. Each factor approaches 1 without reaching it, so that more is always slightly better."""
    pixels = facts.face_pixels or min(facts.width, facts.height) / 4
    light = 1 - abs(facts.brightness - 128) / 128
    return _saturate(pixels, 200) * _saturate(facts.sharpness, 3 if facts.faces else 8) * (0.5 + light / 2)


def _saturate(value: float, half: float) -> float:
    return max(0.0, value) / (max(0.0, value) + half)


def best_first(photo: PhotoVerdict) -> tuple[float, str, bool, str, int]:
    """Return a sort key: the best photo first, then by digest, so that names decide only between identical files.

    Names are compared without their suffix, so that an original sorts before a copy with something appended.
    """
    stem = PurePath(photo.photo.name).stem
    return (-compute_score(photo), photo.digest, bool(_COPY_OF.match(stem)), stem, photo.number)


def reject_duplicates(
    photos: Sequence[PhotoVerdict], pairs: Iterable[tuple[int, int]]
) -> tuple[PhotoVerdict, ...]:
    """Of photos that are nearly the same (pairs of indexes), keep the best and reject the others, naming it."""
    alike: dict[int, set[int]] = {}
    for one, other in pairs:
        alike.setdefault(one, set()).add(other)
        alike.setdefault(other, set()).add(one)
    rated = list(photos)
    kept: set[int] = set()
    for place in sorted(alike, key=lambda place: best_first(photos[place])):
        twin = min(alike[place] & kept, default=None, key=lambda place: best_first(photos[place]))
        if twin is None:
            kept.add(place)
        else:
            rated[place] = replace(
                photos[place],
                reasons=(*photos[place].reasons, Reason.NEAR_DUPLICATE),
                verdict=Verdict.REJECT,
                duplicate_of=photos[twin].number,
            )
    return tuple(rated)


def suggest(photos: Sequence[PhotoVerdict], likeness: float | None, fewest: int) -> tuple[Suggestion, ...]:
    """Return what to photograph next: what many photos lack, or the usable ones have too little of.

    `likeness` is the median correlation of the thumbnails, -1 to 1.
    """
    counts = Counter(reason for photo in photos for reason in photo.reasons)
    usable = [photo.facts for photo in photos if photo.usable and photo.facts is not None]
    many = max(2, len(photos) // 5)
    heights = [facts.faces[0].height for facts in usable if facts.faces]
    close = sum(height > CLOSE_FROM for height in heights)
    wanted = {
        Suggestion.MORE_PHOTOS: len(usable) < fewest,
        Suggestion.SHARPER: counts[Reason.BLURRED] + counts[Reason.SOFT] >= many,
        Suggestion.LARGER: counts[Reason.TOO_SMALL] + counts[Reason.SMALL] >= many,
        Suggestion.ONE_PERSON: counts[Reason.SEVERAL_FACES] >= many,
        Suggestion.CLOSER: counts[Reason.FACE_TOO_SMALL] + counts[Reason.FACE_SMALL] >= many
        or (len(heights) >= fewest and not close),
        Suggestion.FURTHER: close >= fewest and close == len(heights),
        Suggestion.MORE_LIGHT: counts[Reason.DARK] >= many
        or (bool(usable) and fmean(facts.brightness for facts in usable) < 1.5 * DARK_BELOW),
        Suggestion.OTHER_PLACES: (likeness or 0) >= MONOTONOUS_CORRELATION
        or counts[Reason.NEAR_DUPLICATE] >= many,
        Suggestion.OTHER_DAYS: len({facts.day for facts in usable if facts.day}) == 1
        and len(usable) >= fewest,
    }
    return tuple(suggestion for suggestion in Suggestion if wanted[suggestion])


def list_unchecked(photos: Iterable[PhotoVerdict], *, faces_available: bool) -> tuple[UncheckedAspect, ...]:
    """Return what was not checked. Sunglasses, and whether all photos show the same person, never are."""
    blind = not faces_available or any(photo.facts and photo.facts.faces is None for photo in photos)
    never = (UncheckedAspect.SUNGLASSES, UncheckedAspect.SAME_PERSON)
    return (UncheckedAspect.FACES, *never) if blind else never
