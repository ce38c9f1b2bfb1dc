"""Generated pictures on this machine: one folder a subject, names that sort, and what made each beside it."""

from __future__ import annotations

import contextlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import anyio.to_thread

from apiframe_studio.clock import Clock
from apiframe_studio.ledger import SavedPicture, Submission
from apiframe_studio.photos.previews import previews
from apiframe_studio.private_files import make_private_folder, write_private

ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
LONGEST_NAME: Final = 60
_DEVICES: Final = re.compile(r"CON|PRN|AUX|NUL|(COM|LPT)\d", re.IGNORECASE)
"""Names that Windows keeps for itself."""


class Portfolio:
    """The output folder."""

    def __init__(self, folder: Path, hosts: Sequence[str], clock: Clock) -> None:
        self.folder = folder
        self.hosts = tuple(hosts)
        self._clock = clock

    async def make_ready(self, subject: str | None) -> None:
        """Make a subject's folder, before anything is paid for. Raises OSError."""
        await anyio.to_thread.run_sync(make_private_folder, self.folder / folder_name(subject))

    async def keep(
        self, row: Submission, number: int, data: bytes, media_type: str, told: Mapping[str, Any]
    ) -> SavedPicture:
        """Write one picture and what made it, each whole or not at all. Raises OSError."""
        now = self._clock.now()
        made = datetime.fromtimestamp(row.created_at, UTC)
        folder = self.folder / folder_name(row.subject)
        stem = f"{made:%Y%m%d-%H%M%S}-{row.ref}-{number}"
        path = folder / f"{stem}.{ENDINGS[media_type]}"
        words = json.dumps(
            {**told, "subject": row.subject, "made_at": made.isoformat()}, indent=2, ensure_ascii=False
        )
        await anyio.to_thread.run_sync(_write, path, data)
        await anyio.to_thread.run_sync(_write, path.with_suffix(".json"), words.encode())
        return SavedPicture(row.ref, number, str(path), media_type, now)

    async def previews(self, saved: Sequence[SavedPicture]) -> Sequence[bytes]:
        """Small JPEGs of pictures that are still there."""
        found = [await anyio.to_thread.run_sync(_read, Path(picture.path)) for picture in saved]
        return await previews([data for data in found if data])

    async def read(self, saved: SavedPicture) -> bytes | None:
        """A saved picture, None when it is gone or no longer in this folder."""
        return await anyio.to_thread.run_sync(_read_in, self.folder, Path(saved.path))

    def remove(self, subject: str, refs: Sequence[str], saved: Sequence[SavedPicture]) -> Sequence[Path]:
        """Remove pictures and what stands beside them, then the subject's folder; returns what could not be.

        `refs` are the generations: what a program that died had written stands in no list, but bears its ref.
        """
        left: list[Path] = []
        folder = self.folder / folder_name(subject)
        listed = [
            path
            for picture in saved
            for path in (Path(picture.path), Path(picture.path).with_suffix(".json"))
        ]
        ours = {*listed, *(path for ref in refs for path in self.folder.glob(f"*/*-{ref}-*"))}
        for path in sorted(ours):
            try:
                path.unlink(missing_ok=True)
            except OSError:
                left.append(path)
        for emptied in {path.parent for path in ours} | {folder}:
            with contextlib.suppress(OSError):
                emptied.rmdir()
        return left


def folder_name(subject: str | None) -> str:
    """A folder's name for a subject, safe on every system: letters, digits, spaces, _ and - only. Pure."""
    text = unicodedata.normalize("NFC", subject or "")
    kept = "".join(letter if letter.isalnum() or letter in " _-" else "_" for letter in text).strip()
    name = kept[:LONGEST_NAME].rstrip() or "unnamed"
    return f"{name}_" if _DEVICES.fullmatch(name) else name


def _write(path: Path, data: bytes) -> None:
    make_private_folder(path.parent)
    write_private(path, data)


def _read_in(folder: Path, path: Path) -> bytes | None:
    return _read(path) if path.resolve().is_relative_to(folder.resolve()) else None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
