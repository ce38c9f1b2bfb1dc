"""Apiframe AI Photos as Python: the work itself, usable without MCP.

    async with Studio.sandbox() as studio:
        print(await studio.account())

Everything a program needs is named here and loaded when it is first used, so that importing this package is cheap.
`docs/python.md` shows the whole way.
"""

from __future__ import annotations

# Not from typing: `--version` imports this module, and that module takes a good part of its time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from apiframe_studio.api.errors import ApiframeError
    from apiframe_studio.api.provider import Account
    from apiframe_studio.errors import (
        CheckIncomplete,
        ConsentMissing,
        FolderUnusable,
        MayStillFinish,
        NotAPhotoSet,
        NotEnoughPhotos,
        NotFetched,
        NothingToResolve,
        NotTrained,
        NotYetSent,
        PhotosChanged,
        Rejected,
        SetNotUsable,
        SettingsError,
        SubjectMismatch,
        TaskIdMissing,
        UnknownSubject,
        UnknownTraining,
        WrongKind,
    )
    from apiframe_studio.forgetting import Forgotten, forget_subject
    from apiframe_studio.generations import ImageRequest, Pictures
    from apiframe_studio.ledger import Kind
    from apiframe_studio.ledger.errors import (
        LedgerError,
        PaymentNotApproved,
        SpendingCapReached,
        SubjectForgotten,
        TaskIdTaken,
        UnknownCursor,
    )
    from apiframe_studio.ledger.intent import KeyReused
    from apiframe_studio.ledger.states import State
    from apiframe_studio.photo_sets import CheckedPhotos, PhotoSet, PhotoSetRequest
    from apiframe_studio.photos.errors import ChoiceRefused, PathRefused, PhotoError
    from apiframe_studio.photos.models import PhotoCheck, PhotoVerdict, Reason, Verdict
    from apiframe_studio.plans import StudioConfig
    from apiframe_studio.reconciler import Decision
    from apiframe_studio.settings import StudioSettings
    from apiframe_studio.studio import Studio
    from apiframe_studio.studio_error import StudioError
    from apiframe_studio.training import Note, Training
    from apiframe_studio.trainings import Page, Price, TrainingRequest

__version__ = "0.1.0"
"""A constant: an archive without its history must install, and `--version` must not look anything up."""

_NAMES = {
    "api.errors": ("ApiframeError",),
    "api.provider": ("Account",),
    "errors": (
        "CheckIncomplete",
        "ConsentMissing",
        "FolderUnusable",
        "MayStillFinish",
        "NotAPhotoSet",
        "NotEnoughPhotos",
        "NotFetched",
        "NotTrained",
        "NotYetSent",
        "NothingToResolve",
        "PhotosChanged",
        "Rejected",
        "SetNotUsable",
        "SettingsError",
        "SubjectMismatch",
        "TaskIdMissing",
        "UnknownSubject",
        "UnknownTraining",
        "WrongKind",
    ),
    "forgetting": (
        "Forgotten",
        "forget_subject",
    ),
    "generations": (
        "Pictures",
        "ImageRequest",
    ),
    "ledger": ("Kind",),
    "ledger.errors": (
        "LedgerError",
        "PaymentNotApproved",
        "SpendingCapReached",
        "SubjectForgotten",
        "TaskIdTaken",
        "UnknownCursor",
    ),
    "ledger.intent": ("KeyReused",),
    "ledger.states": ("State",),
    "photo_sets": (
        "CheckedPhotos",
        "PhotoSet",
        "PhotoSetRequest",
    ),
    "photos.errors": (
        "ChoiceRefused",
        "PathRefused",
        "PhotoError",
    ),
    "photos.models": (
        "PhotoCheck",
        "PhotoVerdict",
        "Reason",
        "Verdict",
    ),
    "plans": ("StudioConfig",),
    "reconciler": ("Decision",),
    "settings": ("StudioSettings",),
    "studio": ("Studio",),
    "studio_error": ("StudioError",),
    "training": (
        "Note",
        "Training",
    ),
    "trainings": (
        "Page",
        "Price",
        "TrainingRequest",
    ),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

__all__ = [
    "Account",
    "ApiframeError",
    "CheckIncomplete",
    "CheckedPhotos",
    "ChoiceRefused",
    "ConsentMissing",
    "Decision",
    "FolderUnusable",
    "Forgotten",
    "ImageRequest",
    "KeyReused",
    "Kind",
    "LedgerError",
    "MayStillFinish",
    "NotAPhotoSet",
    "NotEnoughPhotos",
    "NotFetched",
    "NotTrained",
    "NotYetSent",
    "Note",
    "NothingToResolve",
    "Page",
    "PathRefused",
    "PaymentNotApproved",
    "PhotoCheck",
    "PhotoError",
    "PhotoSet",
    "PhotoSetRequest",
    "PhotoVerdict",
    "PhotosChanged",
    "Pictures",
    "Price",
    "Reason",
    "Rejected",
    "SetNotUsable",
    "SettingsError",
    "SpendingCapReached",
    "State",
    "Studio",
    "StudioConfig",
    "StudioError",
    "StudioSettings",
    "SubjectForgotten",
    "SubjectMismatch",
    "TaskIdMissing",
    "TaskIdTaken",
    "Training",
    "TrainingRequest",
    "UnknownCursor",
    "UnknownSubject",
    "UnknownTraining",
    "Verdict",
    "WrongKind",
    "__version__",
    "forget_subject",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"apiframe_studio.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
