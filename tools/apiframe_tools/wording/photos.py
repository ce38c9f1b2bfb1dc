"""Words for what a check says about photos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from apiframe_studio.photos import FEWEST, MOST, Aspect, LeftOut, PhotoCheck, PhotoVerdict, Reason, Wish

MAX_NAMED: Final = 40
"""How many photos one sentence names."""

TAKES: Final = f"A training takes {FEWEST} to {MOST}"

REASONS: Final = {
    Reason.NOT_READABLE: "cannot be read",
    Reason.NOT_AN_IMAGE: "is no picture",
    Reason.UNSUPPORTED_FORMAT: "is not JPEG, PNG, WebP, HEIC or AVIF",
    Reason.DAMAGED: "is damaged",
    Reason.TOOK_TOO_LONG: "took too long to read",
    Reason.TOO_MANY_BYTES: "is too large a file",
    Reason.TOO_LARGE: "has too many pixels",
    Reason.TOO_SMALL: "is too small",
    Reason.ANIMATED: "is an animation",
    Reason.BLURRED: "is blurred",
    Reason.NEAR_DUPLICATE: "is nearly the same as another",
    Reason.NO_FACE: "shows no face",
    Reason.SEVERAL_FACES: "shows several faces",
    Reason.SMALL: "is rather small",
    Reason.SOFT: "is a little soft",
    Reason.DARK: "is dark",
    Reason.BRIGHT: "is very bright",
    Reason.FACE_TOO_SMALL: "shows the face too small",
    Reason.FACE_SMALL: "shows the face rather small",
    Reason.CROPPED: "may cut the face off",
}

SUGGESTIONS: Final = {
    Wish.MORE_PHOTOS: "at least {missing}",
    Wish.SHARPER: "sharper ones: hold still, wipe the lens",
    Wish.LARGER: "larger ones: the originals, not copies from a chat",
    Wish.ONE_PERSON: "some with this person alone",
    Wish.CLOSER: "some from close by, face and shoulders",
    Wish.FURTHER: "some from further away",
    Wish.MORE_LIGHT: "some in better light",
    Wish.OTHER_PLACES: "other places and backgrounds",
    Wish.OTHER_DAYS: "other days and clothes",
}

ASPECTS: Final = {
    Aspect.FACES: "faces (`apiframe-photo-mcp doctor` says how to add this check)",
    Aspect.SUNGLASSES: "sunglasses",
    Aspect.SAME_PERSON: "whether all show the same person",
}

LEFT_OUT: Final = {
    LeftOut.NAMED: "was named in leave_out",
    LeftOut.CHANGED: "changed while it was read",
    LeftOut.REPEATED: "is identical to another",
    LeftOut.SPARE: f"is good, but not among the best {MOST}",
}
"""Why a photo is not sent; where the verdict says it, its reasons do."""

FACES_NOT_CHECKED: Final = "Faces were not checked."


def photos_missing(check: PhotoCheck) -> int:
    """How many more usable photos a training needs."""
    return FEWEST - check.usable


def suggest_photos(check: PhotoCheck) -> list[str]:
    """What to photograph next, in words."""
    # While some were not looked at it is not known how many are missing.
    told = [wish for wish in check.wishes if not (check.unseen and wish is Wish.MORE_PHOTOS)]
    return [SUGGESTIONS[wish].format(missing=_more(photos_missing(check))) for wish in told]


def _more(number: int) -> str:
    return f"{number} more photo" if number == 1 else f"{number} more photos"


def describe_choice(good: int, doubtful: int, sent: int) -> str:
    """Which photos would be sent, of so many good and doubtful ones; `sent` in all, too few for a training or not."""
    if sent < FEWEST:
        return f"{TAKES} photos."
    if not good:
        return f"{TAKES}: the best {sent} of the {doubtful} doubtful ones would be sent, since there are no good ones."
    if sent > good:
        chosen = (
            "the doubtful ones" if sent - good == doubtful else f"the best {sent - good} of the doubtful ones"
        )
        return f"{TAKES}: the {good} good ones and, to reach {FEWEST}, {chosen} would be sent."
    which = f"the best {sent} of the {good} good ones" if sent < good else f"the {good} good ones"
    others = "; doubtful ones only when they are named in keep" if doubtful else ""
    return f"{TAKES}: {which} would be sent{others}."


def describe_reasons(photo: PhotoVerdict) -> list[str]:
    """Why a photo is not simply used, in words, the worst first."""
    rest = [reason for reason in photo.reasons if reason is not photo.worst]
    return [_reason(photo, reason) for reason in ([photo.worst] if photo.worst else []) + rest]


def _reason(photo: PhotoVerdict, reason: Reason) -> str:
    return f"{REASONS[reason]} ({photo.duplicate_of})" if reason is Reason.NEAR_DUPLICATE else REASONS[reason]


def describe_photos(photos: Sequence[PhotoVerdict]) -> str:
    """Some photos with the worst reason of each, on one line."""
    return group_by_reason(
        (f"{photo.number} {photo.photo.name}", describe_reasons(photo)[0]) for photo in photos
    )


def group_by_reason(told: Iterable[tuple[str, str]], most: int = MAX_NAMED) -> str:
    """Names under what is said of them: "is dark: 3 A.jpg, 7 B.jpg; is blurred: 4 C.jpg"."""
    groups: dict[str, list[str]] = {}
    number = 0
    for number, (name, said) in enumerate(told, 1):
        if number <= most:
            words, like, which = said.partition(" (")
            groups.setdefault(words, []).append(f"{name}{like}{which}")
    more = f"; and {number - most} more" if number > most else ""
    return "; ".join(f"{words}: {', '.join(names)}" for words, names in groups.items()) + more


PHOTO_GUIDE: Final = """\
# Good photos for a training

A model of a person becomes as good as the photos it learns from. 15 to 20 good ones beat 30 of any kind; 10 is the \
least, 30 the most.

- **One person.** Alone in the picture, face uncovered, nothing over the eyes in most of them.
- **Sharp and original.** Straight from the camera or phone, not copies out of a chat; at least 1,000 pixels wide.
- **Different.** Several days, clothes, places and kinds of light. What is the same in all of them, the model learns \
as a part of the subject.
- **Near and far.** About half face and shoulders, a third from the waist up, a few whole.
- **Several sides.** Mostly from the front, some turned a little to either side, with different expressions.
- **No edits.** No filters, no collages, no text, no heavy make-up that is not worn every day.

check_photos judges a folder on this machine, free, and says what is missing. prepare_photos sends the best ones, \
without those in leave_out and with those in keep, and removes place, time and other hidden data \
before. The person in the photos has to agree first.
"""
"""What makes good input photos, in our own words."""
