"""A file beside a ledger that says that trainings may be left to be deleted at a service.

The rows say which; the file saves every start from opening the ledger for a question that is nearly always answered no.
"""

from __future__ import annotations

from pathlib import Path


def write_note(ledger: Path) -> None:
    """Say that trainings are to be deleted. Raises OSError."""
    _path(ledger).touch(mode=0o600)


def has_note(ledger: Path) -> bool:
    """Whether trainings may be left to be deleted."""
    return _path(ledger).exists()


def remove_note(ledger: Path) -> None:
    """Say that none is left."""
    _path(ledger).unlink(missing_ok=True)


def _path(ledger: Path) -> Path:
    return ledger.with_name("to-delete")
