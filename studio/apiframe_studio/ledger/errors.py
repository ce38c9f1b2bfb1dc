"""Errors of the ledger. Each is raised before anything is sent, and nothing is overwritten or deleted.

::

    StudioError
     ├─ LedgerError
     │   ├─ LedgerUnusable        the folder or file cannot be read or written: disk full, no permission
     │   ├─ LedgerNotPrivate      another user of this machine owns it, or can change it
     │   ├─ LedgerTooNew          written by a newer version; it is left untouched
     │   ├─ LedgerBusy            another process held it for longer than we wait
     │   ├─ LedgerDamaged         not readable as a ledger; it was renamed
     │   └─ SpendingCapReached    the request could spend more than the user allows in a day
     └─ UnknownCursor, TaskIdTaken, KeyReused, SubjectForgotten,
        PaymentNotApproved, PriceAboveLimit                   the request is refused
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from apiframe_studio.studio_error import StudioError

if TYPE_CHECKING:
    from apiframe_studio.ledger.records import Submission


class LedgerError(StudioError):
    """The base class. `path` is the ledger's file, or the folder or file that is at fault."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class LedgerUnusable(LedgerError):
    """The folder or the file cannot be read or written; `why` is the system's short reason."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"the ledger {path} cannot be used ({why})")
        self.why = why


class LedgerNotPrivate(LedgerError):
    """Another user owns `path` (the ledger, its folder, or one above), or can change it; `why` says which."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, f"{path} {why}, and data in it is not safe")
        self.why = why


class LedgerTooNew(LedgerError):
    """A newer version of this program wrote it. It is left untouched."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, f"a newer version of this program wrote the ledger {path}")


class LedgerBusy(LedgerError):
    """Another process held the ledger for longer than we wait."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, f"the ledger {path} is in use by another process")


class SpendingCapReached(LedgerError):
    """Sending could spend more than `cap` credits within 24 hours: `spent` were spent, `needed` are more."""

    def __init__(self, path: Path, *, cap: float, spent: float, needed: float) -> None:
        super().__init__(path, f"{spent:g} of {cap:g} credits are spent, and {needed:g} more could be needed")
        self.cap = cap
        self.spent = spent
        self.needed = needed


class LedgerDamaged(LedgerError):
    """It cannot be read as a ledger. `set_aside` is its new name, None when it could not be renamed."""

    def __init__(self, path: Path, set_aside: Path | None) -> None:
        super().__init__(
            path,
            f"the ledger was damaged and was renamed to {set_aside}"
            if set_aside
            else f"the ledger {path} is damaged and could not be renamed",
        )
        self.set_aside = set_aside


class UnknownCursor(StudioError):
    """The cursor does not come from an earlier page of this list."""

    summary = "that cursor does not belong to this list"


class TaskIdTaken(StudioError):
    """The task_id that was given belongs to another submission of this ledger, `row`. Nothing was recorded."""

    def __init__(self, row: Submission) -> None:
        super().__init__(f"that task_id belongs to {row.ref}")
        self.row = row


class KeyReused(StudioError):
    """The idempotency key was used for `earlier`, with other photos or another trigger word. Nothing was sent."""

    def __init__(self, earlier: Submission) -> None:
        super().__init__("that idempotency key was used for another request")
        self.earlier = earlier


class SubjectForgotten(StudioError):
    """The subject was forgotten, so nothing new is recorded about it. Nothing was sent, or nothing was accepted."""

    summary = "the subject was forgotten"


class PriceAboveLimit(StudioError):
    """The request could cost `needed` credits, more than the `limit` that was agreed. Nothing was sent."""

    def __init__(self, needed: float, limit: float) -> None:
        super().__init__(f"it could cost {needed:g} credits, and {limit:g} were agreed")
        self.needed = needed
        self.limit = limit


class PaymentNotApproved(StudioError):
    """The request would have to be paid for, and the caller may not pay. Nothing was sent."""

    summary = "this would cost credits, and the user did not approve it"
