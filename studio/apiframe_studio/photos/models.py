"""What is said about photos: enums and facts, never sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from apiframe_studio.api.select import DEFAULT_TERMS

if TYPE_CHECKING:
    from apiframe_studio.api.provider import Range
    from apiframe_studio.photos.folders import AllowedFolders, InnerFolder, Photo


class Verdict(StrEnum):
    USE = "use"
    WARN = "warn"
    REJECT = "reject"


class Reason(StrEnum):
    """Why a picture is not simply used, worst first. `WARNINGS` are those that do not reject it."""

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
    {
        Reason.CROPPED,
        Reason.FACE_SMALL,
        Reason.SOFT,
        Reason.DARK,
        Reason.BRIGHT,
        Reason.SMALL,
    }
)


class LeftOut(StrEnum):
    """Why a photo of a check is not sent."""

    NAMED = "named"
    CHANGED = "changed"
    REPEATED = "repeated"
    SPARE = "spare"
    VERDICT = "verdict"


class UncheckedAspect(StrEnum):
    """What a check can be asked about and may be unable to judge."""

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
    """A face, in fractions (0 to 1) of the upright picture's width and height."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured on one decoded picture, upright.

    `turn` is how far it had to be turned counter-clockwise for that, beyond what the camera wrote: 0, 90, 180
    or 270 degrees, told by the face. `width`, `height` in pixels, after it. `sharpness`
    (`metrics.measure_sharpness`) and `brightness` (mean grey level, 0 to 255) are the face's where one was found.
    `faces` is None when nothing could look for them. `day` is the day of capture that the camera wrote
    (YYYY-MM-DD), if any.
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
    def face(self) -> Box | None:
        """The subject's face: the largest that was found."""
        return self.faces[0] if self.faces else None

    @property
    def face_pixels(self) -> float | None:
        """The height of the subject's face, in pixels of the file. A head that turns away keeps it."""
        return self.face.height * self.height if self.face else None


@dataclass(frozen=True, slots=True)
class PhotoVerdict:
    """One picture. `number` counts from 1 and stands on the contact sheet; so does `duplicate_of`."""

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
        """The reason that matters most: one that rejects before one that warns, then as `Reason` lists them."""
        order = list(Reason)
        return min(self.reasons, key=lambda reason: (reason in WARNINGS, order.index(reason)), default=None)


@dataclass(frozen=True, slots=True)
class Variety:
    """Facts over the usable pictures. `likeness`: median correlation of their 16 x 16 thumbnails, -1 to 1.

    Close, middle and far count pictures whose face is over 40 %, 15 to 40 %, under 15 % of the height (all
    zero without face checks); `days` counts different days of capture among those that name one.
    """

    likeness: float | None = None
    darkest: float | None = None
    brightest: float | None = None
    close: int = 0
    middle: int = 0
    far: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class PhotoCheck:
    """A judged set. `usable` counts use and warn, of which a training `takes` so many; `sheet` is a JPEG under 200 KB.

    `left_out` pictures were past the limit of 500 and not looked at. `unseen` ones were not looked at because
    the time was over; numbers count them too. `code` is short and changes when a file is added, taken away or
    written. `inner` folders hold pictures and were not looked into.
    """

    photos: tuple[PhotoVerdict, ...]
    usable: int
    left_out: int
    variety: Variety
    suggestions: tuple[Suggestion, ...]
    unchecked: tuple[UncheckedAspect, ...]
    sheet: bytes = field(repr=False)
    allowed: AllowedFolders = field(repr=False, compare=False)
    unseen: tuple[Photo, ...] = ()
    code: str = ""
    inner: tuple[InnerFolder, ...] = ()
    takes: Range = DEFAULT_TERMS.photos

    @property
    def enough(self) -> bool:
        return self.usable >= self.takes.min
