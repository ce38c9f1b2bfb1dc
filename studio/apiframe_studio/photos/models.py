"""Results of checking photos: enums and facts, never sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apiframe_studio.api.provider import Range
    from apiframe_studio.photos.folders import AllowedFolders, InnerFolder, Photo


class Verdict(StrEnum):
    USE = "use"
    WARN = "warn"
    REJECT = "reject"


class Reason(StrEnum):
    """Reasons against a photo, worst first. Those in `WARNINGS` do not reject it."""

    NOT_READABLE = "not_readable"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    DAMAGED = "damaged"
    TOOK_TOO_LONG = "took_too_long"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_LARGE = "too_large"
    ANIMATED = "animated"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    FACE_TOO_SMALL = "face_too_small"
    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    NEAR_DUPLICATE = "near_duplicate"
    CROPPED = "cropped"
    FACE_SMALL = "face_small"
    SOFT = "soft"
    DARK = "dark"
    BRIGHT = "bright"
    SMALL = "small"


WARNINGS = frozenset(
    {Reason.CROPPED, Reason.FACE_SMALL, Reason.SOFT, Reason.DARK, Reason.BRIGHT, Reason.SMALL}
)


class LeftOut(StrEnum):
    """Why a photo of a check is not sent."""

    NAMED = "named"
    CHANGED = "changed"
    REPEATED = "repeated"
    SPARE = "spare"
    VERDICT = "verdict"


class UncheckedAspect(StrEnum):
    """What a check may be unable to find out."""

    FACES = "faces"
    SUNGLASSES = "sunglasses"
    SAME_PERSON = "same_person"


class Suggestion(StrEnum):
    """What to photograph next, most useful first."""

    MORE_PHOTOS = "more_photos"
    SHARPER = "sharper"
    LARGER = "larger"
    ONE_PERSON = "one_person"
    CLOSER = "closer"
    FURTHER = "further"
    MORE_LIGHT = "more_light"
    OTHER_PLACES = "other_places"
    OTHER_DAYS = "other_days"


@dataclass(frozen=True, slots=True)
class Box:
    """A face, in fractions (0 to 1) of the upright photo's width and height."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Measurements of one decoded photo, upright.

    `turn` is the counter-clockwise rotation that made it upright, beyond EXIF: 0, 90, 180 or 270 degrees, found by
    the face. `width` and `height` are pixels after the rotation. `sharpness` (`metrics.measure_sharpness`) and
    `brightness` (mean grey level, 0 to 255) are those of the face if one was found. `faces` is None without face
    detection. `day` is the day of capture in EXIF (YYYY-MM-DD), if any.
    """

    format: str
    width: int
    height: int
    sharpness: float
    brightness: float
    faces: tuple[Box, ...] | None = None
    day: str | None = None
    turn: int = 0

    @property
    def face_pixels(self) -> float | None:
        """The height of the subject's (largest) face, in pixels of the file. Turning the head does not change it."""
        return self.faces[0].height * self.height if self.faces else None


@dataclass(frozen=True, slots=True)
class PhotoVerdict:
    """One rated photo. `number` and `duplicate_of` are the numbers on the contact sheet, from 1."""

    number: int
    photo: Photo
    verdict: Verdict
    reasons: tuple[Reason, ...]
    facts: Facts | None = None
    digest: str = ""
    duplicate_of: int | None = None

    @property
    def usable(self) -> bool:
        return self.verdict is not Verdict.REJECT

    @property
    def worst(self) -> Reason | None:
        """The most serious reason: rejections before warnings, then in the order of `Reason`."""
        order = list(Reason)
        return min(self.reasons, key=lambda reason: (reason in WARNINGS, order.index(reason)), default=None)


@dataclass(frozen=True, slots=True)
class PhotoCheck:
    """The result of a check. `usable` counts use and warn; a training `takes` so many. `sheet` is a JPEG under 200 KB.

    `left_out` photos exceeded the limit of 500 and were not checked. `unseen` ones were not checked because the time
    was over; their numbers are kept free. `code` is short and changes when a file is added, removed or written.
    `inner` are subfolders with photos, which were not checked.
    """

    photos: tuple[PhotoVerdict, ...]
    usable: int
    left_out: int
    suggestions: tuple[Suggestion, ...]
    unchecked: tuple[UncheckedAspect, ...]
    sheet: bytes = field(repr=False)
    allowed: AllowedFolders = field(repr=False, compare=False)
    takes: Range
    unseen: tuple[Photo, ...] = ()
    code: str = ""
    inner: tuple[InnerFolder, ...] = ()

    @property
    def enough(self) -> bool:
        return self.usable >= self.takes.min
