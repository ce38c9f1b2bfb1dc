"""The guard: photos are read only under folders that the person allowed, judged on the opened descriptor.

Security rests on `guarded_files`; the comparison of texts here only chooses which allowed folder a path
is read from and what remains of it. Nothing outside the allowed folders is ever looked at, so an answer
cannot tell whether something exists there.

A hard link inside an allowed folder is that folder's own file: it cannot be told from one, and making it
took the right to write there.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath

from apiframe_studio import guarded_files
from apiframe_studio.guarded_files import GuardedFolder, Refusal, comparable
from apiframe_studio.photos._nearby import find_near_misses
from apiframe_studio.photos.errors import PathRefused
from apiframe_studio.photos.limits import MAX_PHOTOS_CHECKED
from apiframe_studio.strangers import plain

MAX_ENTRIES = 10_000
MAX_FOLDERS = 100
MAX_PATH_CHARACTERS = 4096
LONGEST_NAME = 255
MAX_DEPTH = 64

# Formats that cannot be used are listed too, so that a person is told about their TIFFs.
_SUFFIXES = ".jpg .jpeg .jpe .jfif .png .webp .heic .heif .hif .gif .tif .tiff .bmp .avif .jxl .dng"
PHOTO_SUFFIXES = frozenset(_SUFFIXES.split(" "))

_JOINERS = "\u200c\u200d"
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True, slots=True)
class Photo:
    """A file below an allowed folder: where it was found, not yet opened."""

    root: Path
    parts: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.root.joinpath(*self.parts)

    @property
    def name(self) -> str:
        """As it is shown, to a model too: nothing in it that cannot be seen."""
        return plain(self.parts[-1], LONGEST_NAME)


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Which file stood at a path and as of when; times in nanoseconds since 1970.

    `ctime_ns` changes with every write on POSIX, also where a program sets `mtime_ns` back.
    """

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class InnerFolder:
    """A folder inside one that was named: it is not looked into, and holds so many pictures."""

    path: Path
    photos: int


@dataclass(frozen=True, slots=True)
class Listing:
    """The pictures that were named or found, in order; `left_out` counts those past the limit of 500."""

    photos: tuple[Photo, ...]
    left_out: int = 0
    inner: tuple[InnerFolder, ...] = ()


@dataclass(frozen=True, slots=True)
class _Contents:
    """Names in a folder, sorted: of its pictures, and of the folders in it."""

    photos: list[str]
    folders: list[str]


class AllowedFolders:
    """The folders the person allowed, resolved once. `home` is what a leading `~` means, if anything."""

    def __init__(self, roots: Sequence[Path], *, home: Path | None = None) -> None:
        self.roots = tuple(Path(os.path.realpath(root)) for root in roots)
        self._spellings = [(comparable(s), r) for g, r in zip(roots, self.roots, strict=True) for s in (r, g)]
        self._home = home

    def list_photos(self, paths: Sequence[str | Path]) -> Listing:
        """The pictures at `paths`: a file stands for itself, a folder for its pictures (not hidden, depth 1).

        Each picture once, however often it was named. Raises `PathRefused` for the first bad path.
        """
        found: dict[Photo, None] = {}
        inner: dict[Photo, None] = {}
        left_out = 0
        for position, given in enumerate(paths):
            photos, folders = self._expand(given, position)
            inner |= dict.fromkeys(folders)
            for photo in photos:
                if len(found) < MAX_PHOTOS_CHECKED:
                    found.setdefault(photo)
                elif photo not in found:
                    left_out += 1
        return Listing(tuple(found), left_out, self._find_photo_folders(inner))

    def identities(self, paths: Sequence[str | Path]) -> tuple[FileIdentity | None, ...]:
        """The identity of every picture at `paths`, in the order of `list_photos`. Raises as that does."""
        return tuple(self.identify(photo) for photo in self.list_photos(paths).photos)

    def read(self, photo: Photo, most_bytes: int) -> bytes:
        """At most `most_bytes` + 1 bytes of the picture: a longer file shows. Raises `PathRefused`."""
        try:
            return guarded_files.read_below(photo.root, photo.parts, most_bytes)
        except guarded_files.OpenRefused as refused:
            raise self._refuse(refused.refusal, 0) from None
        except OSError:
            raise self._refuse(Refusal.NOT_READABLE, 0) from None

    def identify(self, photo: Photo) -> FileIdentity | None:
        """The identity of the file at a photo's path, or None when it cannot be opened through the guard."""
        try:
            descriptor = self._open(photo, 0)
        except PathRefused:
            return None
        try:
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        return FileIdentity(
            str(photo.path),
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )

    def _expand(self, given: str | Path, position: int) -> tuple[list[Photo], list[Photo]]:
        """The pictures that a path stands for, and the folders in it."""
        photo = self._locate(given, position)
        try:
            contents = self._contents_of(photo, position)
        except PathRefused as refused:
            if refused.refusal is not Refusal.NOT_FOUND:
                raise
            if (shown := self._find_shown(photo)) is None:
                raise self._refuse(Refusal.NOT_FOUND, position, self._find_near(given, photo)) from None
            photo = shown
            contents = self._contents_of(photo, position)
        if contents is None:
            return [photo], []
        return (
            [Photo(photo.root, (*photo.parts, name)) for name in contents.photos],
            [Photo(photo.root, (*photo.parts, name)) for name in contents.folders],
        )

    def _find_photo_folders(self, folders: Iterable[Photo]) -> tuple[InnerFolder, ...]:
        """Those that hold pictures, at any depth, of the first hundred that are met."""
        found: list[InnerFolder] = []
        waiting = deque(folders)
        for _ in range(MAX_FOLDERS):
            if not waiting:
                break
            folder = waiting.popleft()
            with suppress(PathRefused, OSError):
                contents = self._contents_of(folder, 0)
                if contents is None:
                    continue
                waiting.extend(Photo(folder.root, (*folder.parts, name)) for name in contents.folders)
                if contents.photos:
                    found.append(InnerFolder(folder.path, len(contents.photos)))
        return tuple(found)

    def _find_near(self, given: str | Path, photo: Photo) -> list[Path]:
        """What the path may have meant; a relative one may have meant any allowed folder."""
        roots = [photo.root] if PurePath(given).is_absolute() or str(given).startswith("~") else self.roots
        return [path for root in roots for path in find_near_misses(root, photo.parts, PHOTO_SUFFIXES)]

    def _contents_of(self, photo: Photo, position: int) -> _Contents | None:
        """What is in a folder; None when the path is a file."""
        if not guarded_files.WALKS_BY_DESCRIPTOR:
            return self._contents_without_descriptor(photo, position)
        descriptor = self._open(photo, position)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with os.scandir(descriptor) as entries:
                return _sorted(entries)
        finally:
            os.close(descriptor)

    def _contents_without_descriptor(self, photo: Photo, position: int) -> _Contents | None:
        """Only names come from here; every file is opened through the guard afterwards."""
        real = Path(os.path.realpath(photo.path))
        if real != photo.path:
            raise self._refuse(Refusal.LINK, position)
        if not os.path.isdir(real):
            os.close(self._open(photo, position))
            return None
        with os.scandir(real) as entries:
            return _sorted(entries)

    def _find_shown(self, photo: Photo) -> Photo | None:
        """The one file or folder that would be shown by these names: what is shown can be given back."""
        folder, found = GuardedFolder(photo.root), list[str]()
        for part in photo.parts:
            try:
                names = folder.names(found)
            except OSError:
                return None
            alike = [part] if part in names else [name for name in names if _shown(name) == _shown(part)]
            if len(alike) != 1 or alike[0].startswith("."):
                return None
            found += alike
        return Photo(photo.root, tuple(found))

    def _open(self, photo: Photo, position: int) -> int:
        try:
            return guarded_files.open_below(photo.root, photo.parts)
        except guarded_files.OpenRefused as refused:
            raise self._refuse(refused.refusal, position) from None

    def _locate(self, given: str | Path, position: int) -> Photo:
        """The allowed folder a path is under, and the rest of it. Looks at text only."""
        text = self._checked_text(str(given), position)
        path = PurePath(text)
        if ".." in path.parts:
            raise self._refuse(Refusal.PARENT_STEP, position)
        root, parts = self._root_of(path, position)
        if any(part.startswith(".") for part in parts):
            raise self._refuse(Refusal.HIDDEN, position)
        if len(parts) > MAX_DEPTH or (os.name == "nt" and any(_is_odd_on_windows(part) for part in parts)):
            raise self._refuse(Refusal.MALFORMED, position)
        return Photo(root, parts)

    def _checked_text(self, text: str, position: int) -> str:
        if not text.strip() or len(text) > MAX_PATH_CHARACTERS or not _is_visible(text):
            raise self._refuse(Refusal.MALFORMED, position)
        if os.name != "nt" and (_DRIVE.match(text) or text.startswith("\\\\")):
            raise self._refuse(Refusal.OUTSIDE, position)
        if self._home is not None and re.match(r"~(?:[/\\]|$)", text):
            return str(self._home) + text[1:]
        return text

    def _root_of(self, path: PurePath, position: int) -> tuple[Path, tuple[str, ...]]:
        """A relative path is one below an allowed folder; where there are several, the first that has it."""
        if not path.is_absolute():
            return self._root_holding(path, position), path.parts
        wanted = comparable(path)
        for spelling, root in sorted(self._spellings, key=lambda pair: -len(pair[0])):
            if wanted[: len(spelling)] == spelling:
                return root, path.parts[len(spelling) :]
        raise self._refuse(Refusal.OUTSIDE, position)

    def _root_holding(self, path: PurePath, position: int) -> Path:
        if path.drive or path.root or not self.roots:
            raise self._refuse(Refusal.OUTSIDE, position)
        for root in self.roots:
            if os.path.lexists(root / path.parts[0] if path.parts else root):
                return root
        return self.roots[0]

    def _refuse(self, refusal: Refusal, position: int, near: Sequence[Path] = ()) -> PathRefused:
        return PathRefused(refusal, self.roots, position, near)


def _is_visible(path: str) -> bool:
    """Spaces of every width and the joiners of emoji and of many scripts occur in the names of real folders."""
    return all(
        letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) == "Zs" for letter in path
    )


def _shown(name: str) -> str:
    return unicodedata.normalize("NFC", plain(name, LONGEST_NAME))


def _is_odd_on_windows(part: str) -> bool:
    """A colon opens an alternate stream; trailing dots and spaces are dropped; some names are devices."""
    stem = part.split(".")[0].strip().upper()
    return (
        ":" in part or part != part.rstrip(". ") or bool(re.fullmatch(r"CON|PRN|AUX|NUL|(COM|LPT)\d", stem))
    )


def _sorted(entries: Iterator[os.DirEntry[str]]) -> _Contents:
    """The visible regular files that look like pictures, and the visible folders, of the first 10,000 entries."""
    visible = [entry for entry in islice(entries, MAX_ENTRIES) if not entry.name.startswith(".")]
    return _Contents(
        sorted(entry.name for entry in visible if _is_photo(entry)),
        sorted(entry.name for entry in visible if entry.is_dir(follow_symlinks=False)),
    )


def _is_photo(entry: os.DirEntry[str]) -> bool:
    suffix = os.path.splitext(entry.name)[1].lower()
    return suffix in PHOTO_SUFFIXES and entry.is_file(follow_symlinks=False)
