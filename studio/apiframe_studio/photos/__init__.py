"""Read, check and normalise photos from disk: a library without MCP, HTTP, settings or environment.

    allowed = AllowedFolders([Path.home() / "Pictures"])
    checked = await check(["sister"], allowed)
    prepared = await prepare(checked)

Photos are decoded in separate processes. A name is loaded when it is first used, which loads neither Pillow nor
numpy. Import `synthetic` (drawn photos for demonstrations) by its module name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apiframe_studio.photos.cache import PhotoCache
    from apiframe_studio.photos.checks import check
    from apiframe_studio.photos.choosing import NO_CHOICE, Choice, choose, count_to_send
    from apiframe_studio.photos.errors import (
        ChoiceProblem,
        ChoiceRefused,
        DecodersFailed,
        NothingToPrepare,
        PathRefused,
        PhotoError,
        Refusal,
    )
    from apiframe_studio.photos.folders import AllowedFolders, FileIdentity, Photo
    from apiframe_studio.photos.limits import MAX_PHOTOS_CHECKED, Limits
    from apiframe_studio.photos.models import (
        Box,
        Facts,
        LeftOut,
        PhotoCheck,
        PhotoVerdict,
        Reason,
        Suggestion,
        UncheckedAspect,
        Variety,
        Verdict,
    )
    from apiframe_studio.photos.preparing import PreparedPhotos, fingerprint, prepare

_NAMES = {
    "cache": ("PhotoCache",),
    "checks": ("check",),
    "choosing": (
        "NO_CHOICE",
        "Choice",
        "choose",
        "count_to_send",
    ),
    "errors": (
        "ChoiceProblem",
        "ChoiceRefused",
        "DecodersFailed",
        "NothingToPrepare",
        "PathRefused",
        "PhotoError",
        "Refusal",
    ),
    "folders": (
        "AllowedFolders",
        "FileIdentity",
        "Photo",
    ),
    "limits": (
        "MAX_PHOTOS_CHECKED",
        "Limits",
    ),
    "preparing": (
        "PreparedPhotos",
        "fingerprint",
        "prepare",
    ),
    "models": (
        "UncheckedAspect",
        "Box",
        "Facts",
        "LeftOut",
        "PhotoCheck",
        "PhotoVerdict",
        "Reason",
        "Variety",
        "Verdict",
        "Suggestion",
    ),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

__all__ = [
    "MAX_PHOTOS_CHECKED",
    "NO_CHOICE",
    "AllowedFolders",
    "Box",
    "Choice",
    "ChoiceProblem",
    "ChoiceRefused",
    "DecodersFailed",
    "Facts",
    "FileIdentity",
    "LeftOut",
    "Limits",
    "NothingToPrepare",
    "PathRefused",
    "Photo",
    "PhotoCache",
    "PhotoCheck",
    "PhotoError",
    "PhotoVerdict",
    "PreparedPhotos",
    "Reason",
    "Refusal",
    "Suggestion",
    "UncheckedAspect",
    "Variety",
    "Verdict",
    "check",
    "choose",
    "count_to_send",
    "fingerprint",
    "prepare",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
