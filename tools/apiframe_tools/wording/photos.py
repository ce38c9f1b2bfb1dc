"""The results of a photo check in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from apiframe_studio.api.provider import Range, Terms
from apiframe_studio.photos.models import (
    LeftOut,
    PhotoCheck,
    PhotoVerdict,
    Reason,
    Suggestion,
    UncheckedAspect,
)
from apiframe_tools.wording.phrases import pluralize
from apiframe_tools.wording.prices import describe_needed

MAX_NAMED: Final = 40
"""The most photos that one sentence names."""

REASONS: Final = {
    Reason.NOT_READABLE: "cannot be read",
    Reason.NOT_AN_IMAGE: "is not an image",
    Reason.UNSUPPORTED_FORMAT: "is not JPEG, PNG, WebP, HEIC or AVIF",
    Reason.DAMAGED: "is damaged",
    Reason.TOOK_TOO_LONG: "took too long to read",
    Reason.TOO_MANY_BYTES: "has too large a file",
    Reason.TOO_LARGE: "has too many pixels",
    Reason.TOO_SMALL: "is too small",
    Reason.ANIMATED: "is an animation",
    Reason.BLURRED: "is blurred",
    Reason.NEAR_DUPLICATE: "is almost identical to another",
    Reason.NO_FACE: "shows no face",
    Reason.SEVERAL_FACES: "shows several faces",
    Reason.SMALL: "is rather small",
    Reason.SOFT: "is a little soft",
    Reason.DARK: "is dark",
    Reason.BRIGHT: "is very bright",
    Reason.FACE_TOO_SMALL: "shows too small a face",
    Reason.FACE_SMALL: "shows a rather small face",
    Reason.CROPPED: "may cut off the face",
}

SUGGESTIONS: Final = {
    Suggestion.MORE_PHOTOS: "at least {missing}",
    Suggestion.SHARPER: "sharper ones: hold still, wipe the lens",
    Suggestion.LARGER: "larger ones: originals, not copies from a chat",
    Suggestion.ONE_PERSON: "some with the subject alone",
    Suggestion.CLOSER: "some close-ups, face and shoulders",
    Suggestion.FURTHER: "some from farther away",
    Suggestion.MORE_LIGHT: "some in better light",
    Suggestion.OTHER_PLACES: "other places and backgrounds",
    Suggestion.OTHER_DAYS: "other days and clothes",
}

ASPECTS: Final = {
    UncheckedAspect.FACES: "faces (`apiframe-photo-mcp doctor` shows how to add this check)",
    UncheckedAspect.SUNGLASSES: "sunglasses",
    UncheckedAspect.SAME_PERSON: "whether all show the same person",
}

LEFT_OUT: Final = {
    LeftOut.NAMED: "was named in leave_out",
    LeftOut.CHANGED: "changed while being read",
    LeftOut.REPEATED: "is identical to another",
    LeftOut.SPARE: "is good, but not among the best {most}",
}
"""Why a photo is not sent, where the reasons of its verdict do not say."""

FACES_NOT_CHECKED: Final = "Faces were not checked."


def count_missing_photos(check: PhotoCheck) -> int:
    """Return how many more usable photos a training needs."""
    return check.takes.min - check.usable


def suggest_photos(check: PhotoCheck) -> list[str]:
    # Until all are checked it is not known how many are missing.
    suggestions = [
        suggestion
        for suggestion in check.suggestions
        if not (check.unseen and suggestion is Suggestion.MORE_PHOTOS)
    ]
    missing = pluralize(count_missing_photos(check), "more photo")
    return [SUGGESTIONS[suggestion].format(missing=missing) for suggestion in suggestions]


def describe_choice(good: int, doubtful: int, sent: int, takes: Range) -> str:
    """Describe which photos would be sent, of these numbers of good and doubtful ones; `sent` may be too few."""
    needed = describe_needed(takes)
    if sent < takes.min:
        return f"{needed} photos."
    if not good:
        chosen = f"the best {sent} of the {doubtful} doubtful ones"
        return f"{needed}: {chosen} would be sent, since there are no good ones."
    if sent > good:
        chosen = (
            "the doubtful ones" if sent - good == doubtful else f"the best {sent - good} of the doubtful ones"
        )
        return f"{needed}: the {good} good ones and, to reach {takes.min}, {chosen} would be sent."
    which = f"the best {sent} of the {good} good ones" if sent < good else f"the {good} good ones"
    others = "; doubtful ones only if named in keep" if doubtful else ""
    return f"{needed}: {which} would be sent{others}."


def describe_reasons(photo: PhotoVerdict) -> list[str]:
    """Return why a photo is doubtful or rejected, the worst reason first."""
    worst_first = sorted(photo.reasons, key=lambda reason: reason is not photo.worst)
    return [
        REASONS[reason] + (f" ({photo.duplicate_of})" if reason is Reason.NEAR_DUPLICATE else "")
        for reason in worst_first
    ]


def describe_photos(photos: Sequence[PhotoVerdict]) -> str:
    """Describe photos with the worst reason of each, on one line."""
    return group_by_reason(
        (f"{photo.number} {photo.photo.name}", describe_reasons(photo)[0]) for photo in photos
    )


def group_by_reason(named: Iterable[tuple[str, str]], most: int = MAX_NAMED) -> str:
    """Group names by reason: "is dark: 3 A.jpg, 7 B.jpg; is blurred: 4 C.jpg"."""
    groups: dict[str, list[str]] = {}
    number = 0
    for number, (name, said) in enumerate(named, 1):
        if number <= most:
            words, like, which = said.partition(" (")
            groups.setdefault(words, []).append(f"{name}{like}{which}")
    more = f"; and {number - most} more" if number > most else ""
    return "; ".join(f"{words}: {', '.join(names)}" for words, names in groups.items()) + more


_PHOTO_GUIDE: Final = """\
# Good photos for a training

A model is as good as the photos it is trained on. 15 to 20 good photos are better than {takes.max} mixed ones. The \
minimum is {takes.min}, the maximum {takes.max}.

- **One person.** Alone in the photo, face uncovered, no sunglasses in most of them.
- **Sharp and original.** Straight from the camera or phone, not copies from a chat; at least 1,000 pixels wide.
- **Different.** Several days, clothes, places and kinds of light. Whatever is the same in all of them, the model \
learns as a part of the subject.
- **Near and far.** About half face and shoulders, a third from the waist up, a few full length.
- **Several sides.** Mostly from the front, some turned a little to either side, with different expressions.
- **No edits.** No filters, no collages, no text, no heavy make-up that is not worn every day.

check_photos checks a folder on this machine, free, and reports what is missing. prepare_photos removes location, time \
and other metadata and sends the best photos, without those in leave_out and with those in keep. The subject must \
agree first.
"""


def describe_good_photos(terms: Terms) -> str:
    """Return what makes good input photos, and how many of them a training takes."""
    return _PHOTO_GUIDE.format(takes=terms.photos)
