"""One tree for everything that the studio raises on purpose.

::

    StudioError
     ├─ SettingsError        a variable of the environment has a value that cannot be used
     ├─ ApiframeError        one request to the service: see `api.errors`
     ├─ LedgerError          the ledger cannot be used, or the spending limit is reached
     ├─ PhotoError           photos on this machine: see `photos.errors`
     ├─ NotYetSent, Rejected, NotAgreed                        a paid request that was not taken
     ├─ NotEnoughPhotos, CheckUnfinished, ConsentMissing,
     │  PhotosChanged, NotAPhotoSet, SetNotUsable, SubjectForgotten    photo sets
     ├─ UnknownTraining, NotATraining, NothingToResolve, NotYetOver, NamedOtherwise,
     │  IdOfAnother, IdTaken, NeedsTaskId, UnknownCursor, KeyReused    trainings
     └─ NotTrained, NotFetched, FolderUnusable, UnknownSubject images

`str()` of each says what happened, and names the submission where there is one; it is never empty and holds no
secret. What a user is told is made from the attributes, in `apiframe_tools.wording.error_messages`.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """Settings have invalid values. `wrong` maps each field to a sentence with the variable and the fix."""

    __str__ = Exception.__str__

    def __init__(self, invalid: Mapping[str, str]) -> None:
        super().__init__(" ".join(invalid.values()))
        self.wrong = dict(invalid)


class NotYetSent(StudioError):
    """Provably not taken, and remembered: the same call again sends it. Nothing was paid."""

    def __init__(self, row: Submission, cause: ApiframeError) -> None:
        super().__init__(f"{row.ref}: {cause!r}")
        self.row = row
        self.cause = cause


class Rejected(StudioError):
    """The service said no. Nothing was paid, and the same call again is a new request."""

    def __init__(self, row: Submission, cause: ApiframeError) -> None:
        super().__init__(f"{row.ref}: {cause!r}")
        self.row = row
        self.cause = cause


class NotEnoughPhotos(StudioError):
    """Fewer pictures can be used than a training needs. Nothing was sent."""

    def __init__(self, check: PhotoCheck, usable: int) -> None:
        super().__init__(f"{usable} of {len(check.photos)} can be used, {check.takes.min} are needed")
        self.check = check
        self.usable = usable


class CheckUnfinished(StudioError):
    """The time of one call did not suffice to judge every picture. Nothing was sent; the next call goes on."""

    def __init__(self, check: PhotoCheck) -> None:
        super().__init__(len(check.unseen))
        self.check = check


class ConsentMissing(StudioError):
    """Nobody said that the subject agreed, so the photos are not sent."""


class PhotosChanged(StudioError):
    """The photos at these paths are no longer those that a user agreed to. Nothing was sent."""


class NotAPhotoSet(StudioError):
    """The name is of something else in this ledger, or has the form of a ref and is of nothing. Nothing was sent."""


class SetNotUsable(StudioError):
    """A photo set of this ledger cannot be trained on (now). Nothing was sent."""

    def __init__(self, photo_set: Submission, *, expired: bool, clock_ahead: float | None = None) -> None:
        super().__init__(f"{photo_set.ref}: {'expired' if expired else photo_set.state.value}")
        self.photo_set = photo_set
        self.expired = expired
        self.clock_ahead = clock_ahead


class UnknownTraining(StudioError):
    """Neither this ledger nor the service knows a training by this name."""

    def __init__(self, *, is_ref: bool) -> None:
        super().__init__()
        self.is_ref = is_ref


class NotATraining(StudioError):
    """The id belongs to a task of another kind."""

    def __init__(self, kind: Kind, wanted: Kind) -> None:
        super().__init__(kind)
        self.kind = kind
        self.wanted = wanted


class NothingToResolve(StudioError):
    """The training is not waiting for a person's decision."""

    def __init__(self, training: Training) -> None:
        super().__init__(training.ref)
        self.training = training


class NotYetOver(NothingToResolve):
    """The service may still finish it, so that it cannot be given up before `may_end_at` (seconds since 1970)."""

    def __init__(self, training: Training, may_end_at: float) -> None:
        super().__init__(training)
        self.may_end_at = may_end_at


class IdOfAnother(StudioError):
    """The id that was given belongs to another submission of this ledger."""

    def __init__(self, training: Training) -> None:
        super().__init__(training.ref)
        self.training = training


class NamedOtherwise(StudioError):
    """The training that was to be named has another subject already."""

    def __init__(self, training: Training) -> None:
        super().__init__(training.ref)
        self.training = training


class NeedsTaskId(StudioError):
    """`accepted` was said without the id of the training that was accepted."""


class UnknownSubject(StudioError):
    """No training of this ledger has this subject."""


class NotTrained(StudioError):
    """The training cannot make pictures (yet): it is not finished, or named no trigger word."""

    def __init__(self, training: Training) -> None:
        super().__init__(training.ref)
        self.training = training


class NotFetched(StudioError):
    """Pictures were made and paid for, and could not be fetched yet; asking again fetches them, free."""

    def __init__(self, row: Submission, cause: ApiframeError) -> None:
        super().__init__(f"{row.ref}: {cause!r}")
        self.row = row
        self.cause = cause


class FolderUnusable(StudioError):
    """The output folder cannot be written. With a `row`, its pictures are paid for and can still be fetched, free."""

    def __init__(self, folder: Path, why: str, row: Submission | None = None) -> None:
        super().__init__(f"{folder}: {why}")
        self.folder = folder
        self.why = why
        self.row = row
