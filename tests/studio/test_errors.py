"""Every error of the studio is one of a tree, and its text says what happened."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import apiframe_studio
from apiframe_studio import errors
from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    BaseUrlProblem,
    Conflict,
    ImageRefused,
    ImageRefusedReason,
    InsufficientCredits,
    InvalidBaseUrl,
    InvalidKey,
    NotFound,
    NotSent,
    NotSentReason,
    OutcomeUnknown,
    OutcomeUnknownReason,
    RateLimited,
    Refused,
    TooManyTrainings,
)
from apiframe_studio.api.keys import KeyProblem
from apiframe_studio.api.provider import Kind, Range
from apiframe_studio.errors import (
    AtAnotherService,
    CheckIncomplete,
    ConsentMissing,
    FolderUnusable,
    InboxFull,
    MayStillFinish,
    NoPlaceFree,
    NotAPhotoSet,
    NotEnoughCredits,
    NotEnoughPhotos,
    NotFetched,
    NothingToResolve,
    NotTrained,
    NotYetSent,
    PhotosChanged,
    PhotosNotKept,
    PromptTooLong,
    Rejected,
    SetNotUsable,
    SettingsError,
    SubjectMismatch,
    TaskIdMissing,
    UnknownImages,
    UnknownSubject,
    UnknownTraining,
    WrongKind,
)
from apiframe_studio.ledger import Submission
from apiframe_studio.ledger.errors import (
    KeyReused,
    LedgerBusy,
    LedgerDamaged,
    LedgerError,
    LedgerNotPrivate,
    LedgerTooNew,
    LedgerUnusable,
    PaymentNotApproved,
    PriceAboveLimit,
    SpendingCapReached,
    SubjectForgotten,
    TaskIdTaken,
    UnknownCursor,
)
from apiframe_studio.ledger.states import State
from apiframe_studio.photos.errors import (
    ChoiceProblem,
    ChoiceRefused,
    DecodersFailed,
    NothingToPrepare,
    PathRefused,
    PhotoError,
    Refusal,
)
from apiframe_studio.photos.folders import AllowedFolders, Photo
from apiframe_studio.photos.models import PhotoCheck
from apiframe_studio.studio_error import StudioError
from apiframe_studio.training import Training

# What only its own package catches, or what answers for the service: none of it leaves the studio.
INTERNAL = {
    "apiframe_studio.guarded_files.OpenRefused",
    "apiframe_studio.photos.errors.DecodeFailed",
    "apiframe_studio.private_files.NotPrivate",
    "apiframe_studio.sandbox.errors.ErrorResponse",
    "apiframe_studio.sandbox.v2.errors.ErrorEnvelope",
}


def classes() -> Iterator[type]:
    """Every class that a module of the studio defines."""
    for module in pkgutil.walk_packages(apiframe_studio.__path__, "apiframe_studio."):
        if module.name != "apiframe_studio.photos._decoder":
            for value in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(value) and value.__module__ == module.name:
                    yield value


EXCEPTIONS = {f"{one.__module__}.{one.__name__}": one for one in classes() if issubclass(one, Exception)}
DATACLASSES = [one for one in classes() if dataclasses.is_dataclass(one)]


def test_every_error_that_leaves_the_studio_is_a_studio_error() -> None:
    others = {name for name, error in EXCEPTIONS.items() if not issubclass(error, StudioError)}
    assert others == INTERNAL


def test_the_tree_in_the_docstring_names_every_branch() -> None:
    parts = (ApiframeError, LedgerError, PhotoError)
    branches = {
        error.__name__
        for error in EXCEPTIONS.values()
        if issubclass(error, StudioError) and not (issubclass(error, parts) and error not in parts)
    }
    named = set(inspect.cleandoc(errors.__doc__ or "").replace(",", " ").split())
    assert branches <= named


def test_a_program_can_name_every_branch_of_the_tree_at_the_top() -> None:
    branches = {
        error.__name__
        for name, error in EXCEPTIONS.items()
        if not name.startswith(("apiframe_studio.api.", "apiframe_studio.ledger."))
        or error is SpendingCapReached
    }
    internal = {name.rpartition(".")[2] for name in INTERNAL}
    assert branches - internal - {"DecodersFailed", "NothingToPrepare"} <= set(apiframe_studio.__all__)


PATH = Path("l.sqlite3")
ROW = Submission("tr-1234567", Kind.TRAINING, "s", "local", "i", "Anna", None, State.FAILED, 1, 0.0)
TRAINING = Training.of(ROW)
CAUSE = OutcomeUnknown("hm", reason=OutcomeUnknownReason.SERVER_ERROR, status=502, request_id="req-7")
UNSEEN = (Photo(PATH, ("l.jpg",)),) * 2
CHECK = PhotoCheck((), 0, 0, (), (), b"", AllowedFolders([]), unseen=UNSEEN, takes=Range(10, 30))
EXAMPLES: list[tuple[StudioError, str]] = [
    (SettingsError({"x": "APIFRAME_X must be a number."}), "APIFRAME_X must be a number."),
    (NotYetSent(ROW, NotSent(NotSentReason.DNS)), "tr-1234567 was not sent: the request was not sent (dns)"),
    (
        Rejected(ROW, Refused("no", status=400)),
        "tr-1234567 was rejected: the service refused the request (HTTP 400; no)",
    ),
    (PaymentNotApproved(), "this would cost credits, and the user did not approve it"),
    (PriceAboveLimit(257.0, 200.0), "it could cost 257 credits, and 200 were agreed"),
    (NotEnoughCredits(257.0, 12.0), "257 credits are needed, and 12 are there"),
    (NoPlaceFree(10), "10 trainings are under way"),
    (PromptTooLong(2_006, 2_000), "the prompt has 2006 characters, and 2000 are allowed"),
    (NotEnoughPhotos(CHECK, 3), "3 of 0 photos can be used, 10 are needed"),
    (CheckIncomplete(CHECK), "2 photos could not be checked in time"),
    (ConsentMissing(), "the consent of the subject is missing"),
    (PhotosChanged(), "the photos changed after the user approved them"),
    (NotAPhotoSet(), "no photo set of this ledger has that name"),
    (SetNotUsable(ROW, expired=True), "photo set tr-1234567 cannot be trained on: it is expired"),
    (
        PhotosNotKept("ps-1234567"),
        "the photos of ps-1234567 are not kept on this machine any more, or are damaged",
    ),
    (SetNotUsable(ROW, expired=False), "photo set tr-1234567 cannot be trained on: it is failed"),
    (SubjectForgotten(), "the subject was forgotten"),
    (UnknownTraining(is_ref=True), "no training has that ref"),
    (UnknownTraining(is_ref=False), "no training has that task_id"),
    (WrongKind(Kind.UPLOAD, Kind.TRAINING), "that id is of kind upload, not training"),
    (NothingToResolve(TRAINING), "tr-1234567 is failed, so that decision does not apply"),
    (MayStillFinish(TRAINING, 1764000000.0), "tr-1234567 may still finish, until 2025-11-24 16:00 UTC"),
    (AtAnotherService(TRAINING), "tr-1234567 was made at another service, s"),
    (SubjectMismatch(TRAINING), "training tr-1234567 already has another subject"),
    (TaskIdTaken(ROW), "that task_id belongs to tr-1234567"),
    (TaskIdMissing(), "the decision accepted needs a task_id"),
    (UnknownCursor(), "that cursor does not belong to this list"),
    (KeyReused(ROW), "that idempotency key was used for another request"),
    (UnknownImages(), "no images have that ref"),
    (InboxFull(), "too many photos from the chat are kept already"),
    (UnknownSubject(), "no training has that subject"),
    (NotTrained(TRAINING), "training tr-1234567 is failed, and its trigger word is not known"),
    (
        NotFetched(ROW, CAUSE),
        "the images of tr-1234567 could not be downloaded: the outcome of the request is unknown "
        "(server error; HTTP 502; hm; request req-7)",
    ),
    (FolderUnusable(PATH, "no space"), "the output folder l.sqlite3 cannot be written: no space"),
    (LedgerUnusable(PATH, "no space"), "the ledger l.sqlite3 cannot be used (no space)"),
    (LedgerNotPrivate(PATH, "is open to all"), "l.sqlite3 is open to all, and data in it is not safe"),
    (LedgerTooNew(PATH), "a newer version of this program wrote the ledger l.sqlite3"),
    (LedgerBusy(PATH), "the ledger l.sqlite3 is in use by another process"),
    (LedgerDamaged(PATH, None), "the ledger l.sqlite3 is damaged and could not be renamed"),
    (LedgerDamaged(PATH, Path("l.damaged")), "the ledger was damaged and was renamed to l.damaged"),
    (
        SpendingCapReached(PATH, cap=100, spent=70, needed=40),
        "70 of 100 credits are spent, and 40 more could be needed",
    ),
    (InvalidKey(KeyProblem.MISSING), "the API key cannot be used (missing)"),
    (InvalidBaseUrl(BaseUrlProblem.PLAIN_HTTP), "the base URL cannot be used (plain http)"),
    (RateLimited(retry_after=3), "the service accepts no more requests for now (HTTP 429)"),
    (AuthenticationFailed(status=401), "the service does not accept the API key (HTTP 401)"),
    (InsufficientCredits(status=402), "the account has too few credits (HTTP 402)"),
    (TooManyTrainings(), "the team has too many trainings under way (HTTP 429)"),
    (
        Conflict(reason=OutcomeUnknownReason.ODD_STATUS, status=409),
        "the idempotency key belongs to another request (odd status; HTTP 409)",
    ),
    (NotFound(status=404), "the service has no such task or path (HTTP 404)"),
    (ImageRefused(ImageRefusedReason.HOST, "a.example"), "the image was not accepted (host a.example)"),
    (
        PathRefused(Refusal.PARENT_STEP, [Path("photos")]),
        "the path is not read (parent step); the allowed folders are: photos",
    ),
    (ChoiceRefused(ChoiceProblem.OTHER_CODE), "a photo cannot be left out or kept (other code)"),
    (NothingToPrepare(), "no photo can be used"),
    (DecodersFailed("no decoder process could be started"), "no decoder process could be started"),
]


@pytest.mark.parametrize(("error", "text"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_the_text_of_an_error_says_what_happened_with_its_facts(error: StudioError, text: str) -> None:
    assert str(error) == text


def test_every_error_that_can_be_raised_has_an_example() -> None:
    raised = {type(error) for error, _ in EXAMPLES} | {type(CAUSE), NotSent, Refused}
    bases = {StudioError, ApiframeError, LedgerError, PhotoError}
    leaves = {error for error in EXCEPTIONS.values() if issubclass(error, StudioError)}
    assert leaves - raised == bases


def test_no_two_classes_of_errors_have_one_name() -> None:
    names = [error.__name__ for error in EXCEPTIONS.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", DATACLASSES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_representation_holds_the_bytes_of_a_photo(kind: type) -> None:
    shown = [field.name for field in dataclasses.fields(kind) if field.repr and "bytes" in str(field.type)]
    assert [name for name in shown if "bytes" not in name.split("_")] == [], "give it `field(repr=False)`"
