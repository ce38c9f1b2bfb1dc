"""Read photos only below folders that the user allowed, checked on the opened descriptor.

Security depends on `guarded_files`. Comparing paths as text here only selects the allowed folder and the rest of the
path. Nothing outside the allowed folders is accessed, so an error cannot reveal whether something exists there.

A hard link inside an allowed folder counts as a file of that folder: it looks the same, and creating it required write
permission there.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath

from apiframe_studio import guarded_files
from apiframe_studio.guarded_files import GuardedFolder, Refusal, comparable
from apiframe_studio.photos._nearby import find_near_misses
from apiframe_studio.photos.errors import PathRefused
from apiframe_studio.photos.limits import MAX_PHOTOS_CHECKED
from apiframe_studio.sanitize import sanitize_text

MAX_ENTRIES = 10_000
MAX_FOLDERS = 100
MAX_PATH_CHARACTERS = 4096
MAX_NAME_LENGTH = 255
MAX_DEPTH = 64

# Unsupported formats are listed too, so that the user learns about their TIFFs.
_SUFFIXES = ".jpg .jpeg .jpe .jfif .png .webp .heic .heif .hif .gif .tif .tiff .bmp .avif .jxl .dng"
PHOTO_SUFFIXES = frozenset(_SUFFIXES.split(" "))

_JOINERS = "\u200c\u200d"
_AT_HOST = re.compile(
    r"/mnt/(user-data|data)(/|$)|/home/claude(/|$)|(sandbox|attachment|file-service|blob):", re.IGNORECASE
)
"""Where hosts keep the files of a chat (seen in Claude and ChatGPT, 2026): no local server can read them."""
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True, slots=True)
class Photo:
    """The location of a file below an allowed folder, not yet opened."""

    root: Path
    parts: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.root.joinpath(*self.parts)

    @property
    def name(self) -> str:
        """The name as shown, also to a model: without invisible characters."""
        return sanitize_text(self.parts[-1], MAX_NAME_LENGTH)


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """The file at a path and its version; times in nanoseconds since 1970.

    On POSIX, `ctime_ns` changes with every write, even if a program resets `mtime_ns`.
    """

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class InnerFolder:
    """A subfolder of a given folder, and how many photos are directly in it. They are not checked."""

    path: Path
    photos: int


@dataclass(frozen=True, slots=True)
class Listing:
    """The photos that were given or found, in order. `left_out` counts those beyond the limit of 500."""

    photos: tuple[Photo, ...]
    left_out: int = 0
    inner: tuple[InnerFolder, ...] = ()


@dataclass(frozen=True, slots=True)
class _Contents:
    """The photos and subfolders in a folder, sorted by name."""

    photos: list[Photo]
    folders: list[Photo]


class AllowedFolders:
    """The folders that the user allowed, resolved once. A leading `~` means `home`, if given."""

    def __init__(self, roots: Sequence[Path], *, home: Path | None = None) -> None:
        self.roots = tuple(Path(os.path.realpath(root)) for root in roots)
        self._spellings = [(comparable(s), r) for g, r in zip(roots, self.roots, strict=True) for s in (r, g)]
        self._home = home

    def list_photos(self, paths: Sequence[str | Path]) -> Listing:
        """Return the photos at `paths`: files, and the visible photos directly in folders.

        Each photo is listed once. Raises `PathRefused` for the first path that is refused.
        """
        found: dict[Photo, None] = {}
        inner: dict[Photo, None] = {}
        left_out = 0
        for position, given in enumerate(paths):
            try:
                contents = self._expand(given)
            except PathRefused as refused:
                refused.position = position
                refused.is_at_host = not refused.near and _AT_HOST.match(str(given)) is not None
                raise
            inner |= dict.fromkeys(contents.folders)
            for photo in contents.photos:
                if len(found) < MAX_PHOTOS_CHECKED:
                    found.setdefault(photo)
                elif photo not in found:
                    left_out += 1
        return Listing(tuple(found), left_out, self._find_photo_folders(inner))

    def identities(self, paths: Sequence[str | Path]) -> tuple[FileIdentity | None, ...]:
        """Return the identity of every photo at `paths`, in the order of `list_photos`. Raises like it."""
        return tuple(self.identify(photo) for photo in self.list_photos(paths).photos)

    def read(self, photo: Photo, max_bytes: int) -> bytes:
        """Return at most `max_bytes` + 1 bytes, so that a longer file is noticed. Raises `PathRefused`."""
        try:
            return guarded_files.read_below(photo.root, photo.parts, max_bytes)
        except guarded_files.OpenRefused as refused:
            raise self._refuse(refused.refusal) from None
        except OSError:
            raise self._refuse(Refusal.NOT_READABLE) from None

    def identify(self, photo: Photo) -> FileIdentity | None:
        """Return the identity of a photo's file, or None if it cannot be opened safely."""
        try:
            with self._open(photo) as descriptor:
                status = os.fstat(descriptor)
        except PathRefused:
            return None
        return FileIdentity(
            str(photo.path),
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )

    def _expand(self, given: str | Path) -> _Contents:
        """Return the photos of a path, and its subfolders."""
        photo = self._locate(given)
        try:
            contents = self._contents_of(photo)
        except PathRefused as refused:
            if refused.refusal is not Refusal.NOT_FOUND:
                raise
            if (shown := self._find_shown(photo)) is None:
                raise self._refuse(Refusal.NOT_FOUND, self._find_near(given, photo)) from None
            photo, contents = shown, self._contents_of(shown)
        return contents or _Contents([photo], [])

    def _find_photo_folders(self, folders: Iterable[Photo]) -> tuple[InnerFolder, ...]:
        """Return the folders with photos, at any depth, among the first hundred."""
        found: list[InnerFolder] = []
        waiting = list(folders)
        # The list grows meanwhile by the folders of these folders.
        for folder in islice(waiting, MAX_FOLDERS):
            with suppress(PathRefused, OSError):
                if contents := self._contents_of(folder):
                    waiting.extend(contents.folders)
                    if contents.photos:
                        found.append(InnerFolder(folder.path, len(contents.photos)))
        return tuple(found)

    def _find_near(self, given: str | Path, photo: Photo) -> list[Path]:
        """Return similar paths. A relative path may be in any allowed folder."""
        roots = [photo.root] if PurePath(given).is_absolute() or str(given).startswith("~") else self.roots
        return [path for root in roots for path in find_near_misses(root, photo.parts, PHOTO_SUFFIXES)]

    def _contents_of(self, photo: Photo) -> _Contents | None:
        """Return the contents of a folder, or None for a file."""
        if not guarded_files.WALKS_BY_DESCRIPTOR:
            return self._contents_without_descriptor(photo)
        with self._open(photo) as descriptor:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with os.scandir(descriptor) as entries:
                return _sorted(photo, entries)

    def _contents_without_descriptor(self, photo: Photo) -> _Contents | None:
        """Only names are read here; every file is opened safely afterwards."""
        real = Path(os.path.realpath(photo.path))
        if real != photo.path:
            raise self._refuse(Refusal.LINK)
        if not os.path.isdir(real):
            with self._open(photo):
                return None
        with os.scandir(real) as entries:
            return _sorted(photo, entries)

    def _find_shown(self, photo: Photo) -> Photo | None:
        """Return the only file or folder shown under these names: a shown name can be used as a path."""
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

    @contextmanager
    def _open(self, photo: Photo) -> Generator[int]:
        try:
            descriptor = guarded_files.open_below(photo.root, photo.parts)
        except guarded_files.OpenRefused as refused:
            raise self._refuse(refused.refusal) from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _locate(self, given: str | Path) -> Photo:
        """Split a path into its allowed folder and the rest, as text."""
        text = self._checked_text(str(given))
        path = PurePath(text)
        if ".." in path.parts:
            raise self._refuse(Refusal.PARENT_STEP)
        root, parts = self._root_of(path)
        if any(part.startswith(".") for part in parts):
            raise self._refuse(Refusal.HIDDEN)
        if len(parts) > MAX_DEPTH or (os.name == "nt" and any(_is_odd_on_windows(part) for part in parts)):
            raise self._refuse(Refusal.MALFORMED)
        return Photo(root, parts)

    def _checked_text(self, text: str) -> str:
        if not text.strip() or len(text) > MAX_PATH_CHARACTERS or not _is_visible(text):
            raise self._refuse(Refusal.MALFORMED)
        if os.name != "nt" and (_DRIVE.match(text) or text.startswith("\\\\")):
            raise self._refuse(Refusal.OUTSIDE)
        if self._home is not None and re.match(r"~(?:[/\\]|$)", text):
            return str(self._home) + text[1:]
        return text

    def _root_of(self, path: PurePath) -> tuple[Path, tuple[str, ...]]:
        """A relative path is below an allowed folder: the first one that has it."""
        if not path.is_absolute():
            return self._root_holding(path), path.parts
        wanted = comparable(path)
        for spelling, root in sorted(self._spellings, key=lambda pair: -len(pair[0])):
            if wanted[: len(spelling)] == spelling:
                return root, path.parts[len(spelling) :]
        raise self._refuse(Refusal.OUTSIDE)

    def _root_holding(self, path: PurePath) -> Path:
        if path.drive or path.root or not self.roots:
            raise self._refuse(Refusal.OUTSIDE)
        for root in self.roots:
            if os.path.lexists(root / path.parts[0] if path.parts else root):
                return root
        return self.roots[0]

    def _refuse(self, refusal: Refusal, near: Sequence[Path] = ()) -> PathRefused:
        return PathRefused(refusal, self.roots, near)


def compute_digest(data: bytes) -> str:
    """Return the SHA-256 (hex) of a file."""
    return hashlib.sha256(data).hexdigest()


def _is_visible(path: str) -> bool:
    """Spaces of every width and joiners are accepted: they occur in real folder names."""
    return all(
        letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) == "Zs" for letter in path
    )


def _shown(name: str) -> str:
    return unicodedata.normalize("NFC", sanitize_text(name, MAX_NAME_LENGTH))


def _is_odd_on_windows(part: str) -> bool:
    """A colon opens an alternate stream, trailing dots and spaces are dropped, and some names are devices."""
    stem = part.split(".")[0].strip()
    return ":" in part or part != part.rstrip(". ") or guarded_files.is_windows_device(stem)


def _sorted(folder: Photo, entries: Iterator[os.DirEntry[str]]) -> _Contents:
    """Return the visible photos, by suffix, and the visible folders, among the first 10,000 entries."""
    visible = [entry for entry in islice(entries, MAX_ENTRIES) if not entry.name.startswith(".")]

    def locate(found: Iterable[os.DirEntry[str]]) -> list[Photo]:
        return [Photo(folder.root, (*folder.parts, name)) for name in sorted(entry.name for entry in found)]

    folders = (entry for entry in visible if entry.is_dir(follow_symlinks=False))
    return _Contents(locate(filter(_is_photo, visible)), locate(folders))


def _is_photo(entry: os.DirEntry[str]) -> bool:
    suffix = os.path.splitext(entry.name)[1].lower()
    return suffix in PHOTO_SUFFIXES and entry.is_file(follow_symlinks=False)
