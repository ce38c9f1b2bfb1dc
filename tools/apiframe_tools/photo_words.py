"""Words for what a check says about photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from apiframe_studio.photos import Aspect, PhotoVerdict, Reason, Wish

REASONS: Final = {
    Reason.NOT_READABLE: "cannot be read",
    Reason.NOT_AN_IMAGE: "is no picture",
    Reason.UNSUPPORTED_FORMAT: "is not JPEG, PNG, WebP or HEIC",
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

WISHES: Final = {
    Wish.MORE_PHOTOS: "more photos",
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
    Aspect.FACES: "faces (install apiframe-photo-mcp[faces] for that)",
    Aspect.SUNGLASSES: "sunglasses",
    Aspect.SAME_PERSON: "whether all show the same person",
}


def reasons_of(photo: PhotoVerdict) -> list[str]:
    """Why a photo is not simply used, in words."""
    return [
        f"{REASONS[reason]} ({photo.duplicate_of})" if reason is Reason.NEAR_DUPLICATE else REASONS[reason]
        for reason in photo.reasons
    ]


def in_words(photos: Sequence[PhotoVerdict], most: int = 8) -> str:
    """Some photos with their reasons, on one line."""
    told = [f"{photo.number} {photo.photo.name} {', '.join(reasons_of(photo))}" for photo in photos[:most]]
    more = f" and {len(photos) - most} more" if len(photos) > most else ""
    return "; ".join(told) + more
