"""Photos that are prepared and wait on this machine until a training is started of them.

Each set has a separate folder: its photos, named by their SHA-256, and `set.json`, which is written last and removed
first. Without that file there is no set, so a process that dies meanwhile leaves nothing that could be trained on. What
was said about the subject is in that file only, and goes with the photos.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import StringConstraints, TypeAdapter, ValidationError

from apiframe_studio.errors import PhotosNotKept
from apiframe_studio.guarded_files import GuardedFolder
from apiframe_studio.ledger import SET_REF
from apiframe_studio.subjects import subject_key

_DESCRIPTION: Final = "set.json"
_MAX_DESCRIPTION_BYTES: Final = 100_000
_MAX_PHOTO_BYTES: Final = 30_000_000


@dataclass(frozen=True)
class KeptSet:
    """A set as it is kept. `digests` are the SHA-256 (hex) of its photos, best first; times are seconds since 1970."""

    expires_at: float
    digests: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")], ...]
    gender: str
    ethnicity: str
    age: str | None = None
    subject: str | None = None


_READER: Final = TypeAdapter(KeptSet)


class KeptPhotos:
    """The folder of all kept sets. Accessible only to this user; below it no link is followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = GuardedFolder(folder)

    @classmethod
    def beside(cls, ledger_path: Path) -> Self:
        """The kept photos of the data folder in which this ledger is."""
        return cls(ledger_path.parent / "prepared")

    def keep(
        self,
        ref: str,
        photos: Sequence[bytes],
        *,
        expires_at: float,
        gender: str,
        ethnicity: str,
        age: str | None = None,
        subject: str | None = None,
    ) -> KeptSet:
        """Keep a set, or replace it: at every moment either the old or the new one can be loaded. Raises OSError."""
        digests = tuple(_digest(photo) for photo in photos)
        kept = KeptSet(expires_at, digests, gender, ethnicity, age, subject)
        try:
            for digest, photo in zip(digests, photos, strict=True):
                self._files.write([ref, _photo_name(digest)], photo)
            self._files.write([ref, _DESCRIPTION], json.dumps(asdict(kept)).encode())
        except BaseException:
            if self.find(ref) is None:
                self.remove(ref)
            raise
        current = {_DESCRIPTION, *map(_photo_name, digests)}
        self._unlink(ref, [name for name in self._names(ref) if name not in current and name[0] != "."])
        return kept

    def find(self, ref: str) -> KeptSet | None:
        """Return what is known of a set, without reading its photos; None if it is not kept or is damaged."""
        if not SET_REF.fullmatch(ref):
            return None
        try:
            text = self._files.read([ref, _DESCRIPTION], _MAX_DESCRIPTION_BYTES)
            return _READER.validate_json(text)
        except (OSError, ValidationError):
            return None

    def load(self, ref: str) -> tuple[KeptSet, Sequence[bytes]]:
        """Return a set and its photos (JPEG bytes), exactly as they were kept.

        Raises:
            PhotosNotKept: it is not there, or is damaged.
        """
        kept = self.find(ref)
        if kept is None:
            raise PhotosNotKept(ref)
        photos = [self._read(ref, digest) for digest in kept.digests]
        return kept, photos

    def refs(self) -> Sequence[str]:
        """The refs of all sets with a folder."""
        return [name for name in self._names() if SET_REF.fullmatch(name)]

    def count(self) -> int:
        """How many sets have a folder."""
        return len(self.refs())

    def find_expired(self, now: float) -> Sequence[str]:
        """The refs of the sets that are over, and of what a process left that died while it kept one."""
        return [ref for ref in self.refs() if self._is_over(ref, now)]

    def find_of_subject(self, subject: str) -> Sequence[str]:
        """The refs of the sets that were prepared with this name, in any spelling."""
        key = subject_key(subject)
        found = ((ref, self.find(ref)) for ref in self.refs())
        return [ref for ref, kept in found if key and kept and subject_key(kept.subject) == key]

    def remove(self, ref: str) -> bool:
        """Remove a set. Returns whether nothing of it is left."""
        if not SET_REF.fullmatch(ref):
            return True
        self._unlink(ref, sorted(self._names(ref), key=lambda name: name != _DESCRIPTION))
        self._files.remove_if_empty([ref])
        return ref not in self._names()

    def _is_over(self, ref: str, now: float) -> bool:
        kept = self.find(ref)
        return self._files.is_abandoned([ref]) if kept is None else kept.expires_at <= now

    def _read(self, ref: str, digest: str) -> bytes:
        try:
            photo = self._files.read([ref, _photo_name(digest)], _MAX_PHOTO_BYTES)
        except OSError as error:
            raise PhotosNotKept(ref) from error
        if _digest(photo) != digest:
            raise PhotosNotKept(ref)
        return photo

    def _names(self, *folder: str) -> Sequence[str]:
        try:
            return self._files.names(folder)
        except OSError:
            return ()

    def _unlink(self, ref: str, names: Sequence[str]) -> None:
        for name in names:
            with suppress(OSError):
                self._files.unlink([ref, name])


def _digest(photo: bytes) -> str:
    return hashlib.sha256(photo).hexdigest()


def _photo_name(digest: str) -> str:
    return f"{digest}.jpg"
