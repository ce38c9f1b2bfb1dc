"""Photos that the user gave to a card in the chat: kept on this machine for a day, for `check` and `prepare`."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from apiframe_studio.errors import InboxFull
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.guarded_files import GuardedFolder

MAX_PHOTOS: Final = 60
"""In one batch."""
MAX_BATCHES: Final = 10
MAX_BYTES: Final = 900_000
"""Of one photo."""
LIFETIME_SECONDS: Final = 86_400.0
BATCH: Final = re.compile(r"[0-9a-f]{8}")


class Inbox:
    """A private folder with a folder for each batch. Nothing says whom the photos show."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = GuardedFolder(folder)

    @classmethod
    def beside(cls, ledger_path: Path) -> Self:
        """The inbox of the data folder in which this ledger is."""
        return cls(ledger_path.parent / "inbox")

    async def keep(self, batch: str, number: int, jpeg: bytes) -> tuple[Path, int]:
        """Keep one photo (JPEG bytes); returns the batch's folder and how many photos are in it.

        Expired batches are removed first. Raises InboxFull, OSError.
        """
        return await in_file_thread(lambda: self._keep(batch, number, jpeg))

    def remove_expired(self) -> None:
        """Remove the batches that got nothing for a day."""
        for batch in self._names():
            with suppress(OSError):
                if time.time() - (self.folder / batch).lstat().st_mtime > LIFETIME_SECONDS:
                    self._remove(batch)

    def count(self) -> int:
        """How many photos wait here."""
        return sum(len(self._names(batch)) for batch in self._names())

    def clear(self) -> tuple[int, Sequence[Path]]:
        """Remove every photo; returns how many are gone, and the batches of which something is left."""
        before = self.count()
        for batch in self._names():
            self._remove(batch)
        return before - self.count(), [self.folder / batch for batch in self._names()]

    def _keep(self, batch: str, number: int, jpeg: bytes) -> tuple[Path, int]:
        self.remove_expired()
        known = self._names()
        if batch not in known and len(known) >= MAX_BATCHES:
            raise InboxFull
        self._files.write([batch, f"{number:02}.jpg"], jpeg)
        return self.folder / batch, len(self._names(batch))

    def _remove(self, batch: str) -> None:
        for name in self._names(batch):
            with suppress(OSError):
                self._files.unlink([batch, name])
        self._files.remove_if_empty([batch])

    def _names(self, *parts: str) -> Sequence[str]:
        try:
            names = self._files.names(parts)
        except OSError:
            return ()
        return names if parts else [name for name in names if BATCH.fullmatch(name)]
