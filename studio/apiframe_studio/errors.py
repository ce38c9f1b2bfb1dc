"""Errors of the studio's verbs, and the tree that they are part of.

::

    StudioError
     ├─ SettingsError        a variable of the environment has an invalid value
     ├─ ApiframeError        one request to the service failed: see `api.errors`
     ├─ LedgerError          the ledger cannot be used, or the spending limit is reached: see `ledger.errors`
     ├─ PhotoError           photos on this machine: see `photos.errors`
     ├─ PaymentNotApproved, PriceAboveLimit, NotYetSent, Rejected,
     │  NotEnoughCredits, NoPlaceFree                         a paid request was not sent or not accepted
     ├─ NotEnoughPhotos, CheckIncomplete, ConsentMissing, InboxFull,
     │  PhotosChanged, NotAPhotoSet, SetNotUsable, PhotosNotKept, SubjectForgotten    photo sets
     ├─ UnknownTraining, WrongKind, AtAnotherService, NothingToResolve, MayStillFinish,
     │  SubjectMismatch, TaskIdTaken, TaskIdMissing, UnknownCursor, KeyReused           trainings
     └─ NotTrained, NotFetched, FolderUnusable, PromptTooLong, UnknownSubject,         images
        UnknownImages

What an assistant or a user reads is made from the attributes, in `apiframe_tools.wording.error_messages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from apiframe_studio.studio_error import StudioError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from apiframe_studio.api.errors import ApiframeError
    from apiframe_studio.api.provider import Kind
    from apiframe_studio.ledger.records import Submission
    from apiframe_studio.photos.models import PhotoCheck
    from apiframe_studio.training import Training


class SettingsError(StudioError):
    """Settings have invalid values. `invalid` maps each field to a sentence with the variable and the fix."""

    def __init__(self, invalid: Mapping[str, str]) -> None:
        super().__init__(" ".join(invalid.values()))
        self.invalid = dict(invalid)


class NotYetSent(StudioError):
    """The service did not accept the request, for sure. Nothing was paid; the same call again sends it."""

    def __init__(self, row: Submission, cause: ApiframeError) -> None:
        super().__init__(f"{row.ref} was not sent: {cause}")
        self.row = row
        self.cause = cause


class Rejected(StudioError):
    """The service refused the request. Nothing was paid; the same call again is a new request."""

    def __init__(self, row: Submission, cause: ApiframeError) -> None:
        super().__init__(f"{row.ref} was rejected: {cause}")
        self.row = row
        self.cause = cause


class NotEnoughCredits(StudioError):
    """The account has fewer credits than the request costs. Nothing was sent."""

    def __init__(self, needed: float, available: float) -> None:
        super().__init__(f"{needed:g} credits are needed, and {available:g} are there")
        self.needed = needed
        self.available = available


class NoPlaceFree(StudioError):
    """The team has as many trainings under way as it may have. Nothing was sent."""

    def __init__(self, under_way: int) -> None:
        super().__init__(f"{under_way} trainings are under way")
        self.under_way = under_way


class NotEnoughPhotos(StudioError):
    """Fewer photos can be used than a training needs. Nothing was sent."""

    def __init__(self, check: PhotoCheck, usable: int) -> None:
        super().__init__(f"{usable} of {len(check.photos)} photos can be used, {check.takes.min} are needed")
        self.check = check
        self.usable = usable


class CheckIncomplete(StudioError):
    """Not every photo could be checked within one call. Nothing was sent; the next call continues."""

    def __init__(self, check: PhotoCheck) -> None:
        super().__init__(f"{len(check.unseen)} photos could not be checked in time")
        self.check = check


class ConsentMissing(StudioError):
    """The request does not say that the subject agreed. Nothing was sent."""

    summary = "the consent of the subject is missing"


class PhotosChanged(StudioError):
    """The photos at these paths are no longer those that the user approved. Nothing was sent."""

    summary = "the photos changed after the user approved them"


class NotAPhotoSet(StudioError):
    """The name has the form of a ref and is unknown, or belongs to another kind of request. Nothing was sent."""

    summary = "no photo set of this ledger has that name"


class SetNotUsable(StudioError):
    """A photo set of this ledger cannot be trained on, or not yet. Nothing was sent."""

    def __init__(self, photo_set: Submission, *, expired: bool, clock_ahead: float | None = None) -> None:
        state = "expired" if expired else photo_set.state.value
        super().__init__(f"photo set {photo_set.ref} cannot be trained on: it is {state}")
        self.photo_set = photo_set
        self.expired = expired
        self.clock_ahead = clock_ahead
        """Seconds that this machine's clock is ahead of the service's (below 0: behind), when it is wrong."""


class PhotosNotKept(StudioError):
    """The kept photos of a set are gone or damaged. Nothing was sent; preparing the same photos again is free."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"the photos of {ref} are not kept on this machine any more, or are damaged")
        self.ref = ref


class UnknownTraining(StudioError):
    """This ledger has no training with that ref, or neither this ledger nor the service knows the task_id."""

    def __init__(self, *, is_ref: bool) -> None:
        super().__init__(f"no training has that {'ref' if is_ref else 'task_id'}")
        self.is_ref = is_ref


class WrongKind(StudioError):
    """The id belongs to another kind of task than the one that was `wanted`."""

    def __init__(self, kind: Kind, wanted: Kind) -> None:
        super().__init__(f"that id is of kind {kind}, not {wanted}")
        self.kind = kind
        self.wanted = wanted


class AtAnotherService(StudioError):
    """The submission was made at another service than this studio sends to. Nothing was sent or recorded."""

    def __init__(self, training: Training) -> None:
        super().__init__(f"{training.ref} was made at another service, {training.service}")
        self.training = training


class NothingToResolve(StudioError):
    """The request is in a state to which the decision does not apply. Nothing was recorded."""

    def __init__(self, training: Training) -> None:
        super().__init__(f"{training.ref} is {training.state}, so that decision does not apply")
        self.training = training


class MayStillFinish(NothingToResolve):
    """The service may still finish it, so it cannot be given up before `may_end_at` (seconds since 1970, UTC)."""

    def __init__(self, training: Training, may_end_at: float) -> None:
        super().__init__(training)
        self.may_end_at = may_end_at

    def __str__(self) -> str:
        until = datetime.fromtimestamp(self.may_end_at, UTC)
        return f"{self.training.ref} may still finish, until {until:%Y-%m-%d %H:%M} UTC"


class SubjectMismatch(StudioError):
    """The training that was to get a subject already has another one. Nothing was changed."""

    def __init__(self, training: Training) -> None:
        super().__init__(f"training {training.ref} already has another subject")
        self.training = training


class TaskIdMissing(StudioError):
    """The decision "accepted" came without the task_id of the training. Nothing was recorded."""

    summary = "the decision accepted needs a task_id"


class InboxFull(StudioError):
    """As many photos from the chat are kept as are allowed at once. This one was not kept."""

    summary = "too many photos from the chat are kept already"


class UnknownImages(StudioError):
    """The ledger has no images with this ref. Nothing was sent."""

    summary = "no images have that ref"


class UnknownSubject(StudioError):
    """No training of this ledger has this subject. Nothing was sent."""

    summary = "no training has that subject"


class NotTrained(StudioError):
    """The training is not finished, or has no trigger word, so it cannot make images. Nothing was sent."""

    def __init__(self, training: Training) -> None:
        word = "its trigger word is known" if training.trigger_word else "its trigger word is not known"
        super().__init__(f"training {training.ref or training.task_id} is {training.state}, and {word}")
        self.training = training


class NotFetched(StudioError):
    """Images were made and paid for, but could not be downloaded. The same call again downloads them, free."""

    def __init__(self, row: Submission, cause: ApiframeError) -> None:
        super().__init__(f"the images of {row.ref} could not be downloaded: {cause}")
        self.row = row
        self.cause = cause


class PromptTooLong(StudioError):
    """The prompt, with the trigger word in it, has more characters than the service takes. Nothing was sent."""

    def __init__(self, length: int, most: int) -> None:
        super().__init__(f"the prompt has {length} characters, and {most} are allowed")
        self.length = length
        self.most = most


class FolderUnusable(StudioError):
    """The output folder cannot be written.

    Without a `row` nothing was sent. The images of a `row` are paid for; the same call again downloads them, free.
    """

    def __init__(self, folder: Path, why: str, row: Submission | None = None) -> None:
        super().__init__(f"the output folder {folder} cannot be written: {why}")
        self.folder = folder
        self.why = why
        self.row = row
