"""Errors of the ledger. Each is raised before anything is sent.

::

    LedgerError
     ├─ LedgerUnusable        the folder or file cannot be read or written: disk full, no permission
     ├─ LedgerNotPrivate      another user of this machine owns it, or can change it
     ├─ LedgerTooNew          written by a newer version; it is left untouched
     ├─ LedgerBusy            another process held it for longer than we wait
     ├─ LedgerDamaged         not readable as a ledger; it was renamed
     └─ SpendingCapReached    the request would spend more than the user allows in a day

The others are no fault of the ledger: what was asked of it cannot be done.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from apiframe_studio.studio_error import StudioError

if TYPE_CHECKING:
    from apiframe_studio.ledger.records import Submission


class LedgerError(StudioError):
    """Base class. `path` is the ledger's file."""

    def __init__(self, path: Path, why: str = "") -> None:
        super().__init__(f"{path}: {why}" if why else str(path))
        self.path = path
        self.why = why


class LedgerUnusable(LedgerError):
    """The folder or the file cannot be read or written; `why` is the system's short reason."""


class LedgerNotPrivate(LedgerError):
    """Another user owns `path` (the ledger, its folder, or one above), or can change it; `why` says which."""


class LedgerTooNew(LedgerError):
    """A newer version of this program wrote it."""


class LedgerBusy(LedgerError):
    """Another process held the ledger for longer than we wait."""


class SpendingCapReached(LedgerError):
    """Sending would spend more than `cap` credits within 24 hours; `spent` were, `needed` would be."""

    def __init__(self, path: Path, *, cap: float, spent: float, needed: float) -> None:
        super().__init__(path, f"{spent:g} of {cap:g} credits are spent, {needed:g} more are needed")
        self.cap = cap
        self.spent = spent
        self.needed = needed


class LedgerDamaged(LedgerError):
    """Not readable as a ledger. `set_aside` is where it stands now, None when it could not be moved."""

    def __init__(self, path: Path, set_aside: Path | None) -> None:
        super().__init__(path, f"set aside as {set_aside}" if set_aside else "left where it is")
        self.set_aside = set_aside


class UnknownCursor(StudioError):
    """The cursor does not come from an earlier page of this list."""


class IdTaken(StudioError):
    """The id that was given belongs to another submission of this ledger, `row`."""

    def __init__(self, row: Submission) -> None:
        super().__init__(row.ref)
        self.row = row


class SubjectForgotten(StudioError):
    """The subject was forgotten, so nothing new about it is remembered. Nothing was sent, or nothing was taken."""


class NotAgreed(StudioError):
    """It would have to be paid for, and nobody agreed to that. Nothing was sent."""
