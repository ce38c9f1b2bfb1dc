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
    from apiframe_studio.api.errors import ApiframeError as ApiframeError
    from apiframe_studio.api.provider import Account as Account
    from apiframe_studio.config import StudioConfig as StudioConfig
    from apiframe_studio.errors import AtAnotherService as AtAnotherService
    from apiframe_studio.errors import CheckIncomplete as CheckIncomplete
    from apiframe_studio.errors import ConsentMissing as ConsentMissing
    from apiframe_studio.errors import FolderUnusable as FolderUnusable
    from apiframe_studio.errors import InboxFull as InboxFull
    from apiframe_studio.errors import MayStillFinish as MayStillFinish
    from apiframe_studio.errors import NoPlaceFree as NoPlaceFree
    from apiframe_studio.errors import NotAPhotoSet as NotAPhotoSet
    from apiframe_studio.errors import NotEnoughCredits as NotEnoughCredits
    from apiframe_studio.errors import NotEnoughPhotos as NotEnoughPhotos
    from apiframe_studio.errors import NotFetched as NotFetched
    from apiframe_studio.errors import NothingToResolve as NothingToResolve
    from apiframe_studio.errors import NotTrained as NotTrained
    from apiframe_studio.errors import NotYetSent as NotYetSent
    from apiframe_studio.errors import PhotosChanged as PhotosChanged
    from apiframe_studio.errors import PhotosNotKept as PhotosNotKept
    from apiframe_studio.errors import PromptTooLong as PromptTooLong
    from apiframe_studio.errors import Rejected as Rejected
    from apiframe_studio.errors import SetNotUsable as SetNotUsable
    from apiframe_studio.errors import SettingsError as SettingsError
    from apiframe_studio.errors import SubjectMismatch as SubjectMismatch
    from apiframe_studio.errors import TaskIdMissing as TaskIdMissing
    from apiframe_studio.errors import UnknownImages as UnknownImages
    from apiframe_studio.errors import UnknownSubject as UnknownSubject
    from apiframe_studio.errors import UnknownTraining as UnknownTraining
    from apiframe_studio.errors import WrongKind as WrongKind
    from apiframe_studio.forgetting import ErasureReport as ErasureReport
    from apiframe_studio.forgetting import forget_subject as forget_subject
    from apiframe_studio.images import GeneratedImages as GeneratedImages
    from apiframe_studio.images import ImageRequest as ImageRequest
    from apiframe_studio.ledger import Kind as Kind
    from apiframe_studio.ledger.errors import KeyReused as KeyReused
    from apiframe_studio.ledger.errors import LedgerError as LedgerError
    from apiframe_studio.ledger.errors import PaymentNotApproved as PaymentNotApproved
    from apiframe_studio.ledger.errors import PriceAboveLimit as PriceAboveLimit
    from apiframe_studio.ledger.errors import SpendingCapReached as SpendingCapReached
    from apiframe_studio.ledger.errors import SubjectForgotten as SubjectForgotten
    from apiframe_studio.ledger.errors import TaskIdTaken as TaskIdTaken
    from apiframe_studio.ledger.errors import UnknownCursor as UnknownCursor
    from apiframe_studio.ledger.states import State as State
    from apiframe_studio.photo_sets import CheckedPhotos as CheckedPhotos
    from apiframe_studio.photo_sets import PhotoSet as PhotoSet
    from apiframe_studio.photo_sets import PhotoSetRequest as PhotoSetRequest
    from apiframe_studio.photos.errors import ChoiceRefused as ChoiceRefused
    from apiframe_studio.photos.errors import PathRefused as PathRefused
    from apiframe_studio.photos.errors import PhotoError as PhotoError
    from apiframe_studio.photos.models import PhotoCheck as PhotoCheck
    from apiframe_studio.photos.models import PhotoVerdict as PhotoVerdict
    from apiframe_studio.photos.models import Reason as Reason
    from apiframe_studio.photos.models import Verdict as Verdict
    from apiframe_studio.reconciler import Decision as Decision
    from apiframe_studio.settings import StudioSettings as StudioSettings
    from apiframe_studio.studio import Studio as Studio
    from apiframe_studio.studio_error import StudioError as StudioError
    from apiframe_studio.training import Note as Note
    from apiframe_studio.training import Training as Training
    from apiframe_studio.trainings import Page as Page
    from apiframe_studio.trainings import Price as Price
    from apiframe_studio.trainings import TrainingRequest as TrainingRequest

__version__ = "0.1.0"
"""A constant: an archive without its history must install, and `--version` must not look anything up."""

_HOMES = {
    name: module
    for module, names in {
        "api.errors": "ApiframeError",
        "api.provider": "Account",
        "errors": "AtAnotherService CheckIncomplete ConsentMissing FolderUnusable InboxFull MayStillFinish NoPlaceFree "
        "NotAPhotoSet NotEnoughCredits NotEnoughPhotos NotFetched NotTrained NotYetSent NothingToResolve "
        "PhotosChanged PhotosNotKept PromptTooLong Rejected "
        "SetNotUsable SettingsError SubjectMismatch TaskIdMissing UnknownImages UnknownSubject UnknownTraining "
        "WrongKind",
        "forgetting": "ErasureReport forget_subject",
        "images": "ImageRequest GeneratedImages",
        "ledger": "Kind",
        "ledger.errors": "KeyReused LedgerError PaymentNotApproved PriceAboveLimit SpendingCapReached SubjectForgotten "
        "TaskIdTaken UnknownCursor",
        "ledger.states": "State",
        "photo_sets": "CheckedPhotos PhotoSet PhotoSetRequest",
        "photos.errors": "ChoiceRefused PathRefused PhotoError",
        "photos.models": "PhotoCheck PhotoVerdict Reason Verdict",
        "config": "StudioConfig",
        "reconciler": "Decision",
        "settings": "StudioSettings",
        "studio": "Studio",
        "studio_error": "StudioError",
        "training": "Note Training",
        "trainings": "Page Price TrainingRequest",
    }.items()
    for name in names.split()
}

__all__ = [*_HOMES, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll] # It reads the imports above.


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
