"""The last resort for an accepted id when the ledger can no longer be written.

Before a paid request is sent, a small file of blanks is written and synced next to the ledger, so that a full disk is
noticed before anything is paid. If the commit after acceptance fails, the id is written over those blanks, which needs
no new space. The next process that opens the ledger adds it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_ROOM: Final = 1024


@dataclass(frozen=True)
class Spooled:
    """An accepted id that the ledger does not have yet."""

    ref: str
    task_id: str
    attempt: int
    accepted_at: float


class Spool:
    """Reserved space for accepted ids: one small file for each request under way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reserve(self, ref: str, attempt: int) -> None:
        """Reserve space for one id. Raises OSError if there is none: then nothing may be sent."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._write(self._path(ref, attempt), b" " * _ROOM)
        _sync_folder(self._folder)

    def keep(self, spooled: Spooled) -> None:
        """Write an accepted id into the reserved space, durably."""
        record = json.dumps(asdict(spooled)).encode().ljust(_ROOM)
        self._write(self._path(spooled.ref, spooled.attempt), record)

    def release(self, ref: str, attempt: int) -> None:
        """Release the space: the ledger has the id."""
        self._path(ref, attempt).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[Spooled]:
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.id")):
            if spooled := _read(path):
                yield spooled

    def _path(self, ref: str, attempt: int) -> Path:
        # By attempt: a late response to the first must not release the space of the second.
        return self._folder / f"{ref}-{attempt}.id"

    @staticmethod
    def _write(path: Path, record: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, record)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Sync a folder, so that a new file name is durable. Windows cannot open folders and needs no sync."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> Spooled | None:
    try:
        record = json.loads(path.read_bytes())
        return Spooled(
            str(record["ref"]), str(record["task_id"]), int(record["attempt"]), float(record["accepted_at"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
