"""Files beside a ledger that say that something may be left to do.

The rows say what; a file saves every start from opening the ledger for a question that is nearly always answered no.
This module imports little, since the front of a server asks too.
"""

from __future__ import annotations

import os
from contextlib import suppress

# Not from typing or pathlib: see above.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

TO_DELETE = "to-delete"
"""Trainings may be left to be deleted at a service."""
TO_REPORT = "to-report"
"""Trainings may be under way, or ended and not reported to the user."""


def write_note(ledger: Path, note: str) -> None:
    """Say that something may be left. Raises OSError."""
    os.close(os.open(_path(ledger, note), os.O_CREAT | os.O_WRONLY, 0o600))


def has_note(ledger: Path | str, note: str) -> bool:
    """Whether something may be left."""
    return os.path.exists(_path(ledger, note))


def remove_note(ledger: Path, note: str) -> None:
    """Say that nothing is left. Raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(_path(ledger, note))


def _path(ledger: Path | str, note: str) -> str:
    return os.path.join(os.path.dirname(ledger), note)
