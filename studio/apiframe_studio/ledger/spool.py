"""The last resort for an accepted id when the ledger can no longer be written.

Before a paid request is sent, a small file of blanks is written and synced beside the ledger; a full
disk is met there, while nothing has been paid. If the commit after acceptance fails, the id is written
over those blanks, which needs no new space. The next opening of the ledger takes it in.
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
    """An accepted id that the ledger has not taken in yet."""

    ref: str
    task_id: str
    attempt: int
    accepted_at: float


class Spool:
    """Reserved room for accepted ids, one small file for every request on its way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reserve(self, ref: str, attempt: int) -> None:
        """Make room for one id. Raises OSError when there is none: then nothing may be sent."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._write(self._path(ref, attempt), b" " * _ROOM, os.O_WRONLY | os.O_CREAT)
        _sync_folder(self._folder)

    def keep(self, spooled: Spooled) -> None:
        """Write an accepted id over the reserved room, durably."""
        record = json.dumps(asdict(spooled)).encode().ljust(_ROOM)
        self._write(self._path(spooled.ref, spooled.attempt), record, os.O_WRONLY | os.O_CREAT)

    def release(self, ref: str, attempt: int) -> None:
        """Give the room back: the ledger knows."""
        self._path(ref, attempt).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[Spooled]:
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.id")):
            if spooled := _read(path):
                yield spooled

    def _path(self, ref: str, attempt: int) -> Path:
        # By attempt: a late answer to the first one must not give back the room of the second.
        return self._folder / f"{ref}-{attempt}.id"

    @staticmethod
    def _write(path: Path, record: bytes, flags: int) -> None:
        descriptor = os.open(path, flags, 0o600)
        try:
            os.write(descriptor, record)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """A file's name lives in its folder. Windows cannot open one, and its file systems keep names by themselves."""
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
