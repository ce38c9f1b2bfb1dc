"""Access files below a folder without leaving it or blocking.

On POSIX each step is an `openat` with O_NOFOLLOW from the previous descriptor, so the kernel refuses a link that is
inserted between check and use. Without `dir_fd` (Windows) the path is resolved, compared and opened, and the opened
file is compared with the resolved one.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
import unicodedata
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Final

from apiframe_studio.private_files import make_private_folder

ABANDONED_AFTER_SECONDS: Final = 3600.0
"""A draft this old was left by a process that died: writing a file takes seconds."""


class Refusal(StrEnum):
    """Why a path was refused. No reason depends on what is outside the folder."""

    OUTSIDE = "outside"
    MALFORMED = "malformed"
    PARENT_STEP = "parent_step"
    HIDDEN = "hidden"
    LINK = "link"
    NOT_FOUND = "not_found"
    NOT_A_FILE_OR_FOLDER = "not_a_file_or_folder"
    NOT_READABLE = "not_readable"


class OpenRefused(OSError):
    """A path below a folder was refused, with the reason. An OSError, so that writers need no special case."""

    def __init__(self, refusal: Refusal, name: str = "that") -> None:
        self.refusal = refusal
        why = f"{name} {_STRERRORS.get(refusal, 'cannot be used')}"
        super().__init__(_NUMBERS.get(refusal, errno.EINVAL), why)


WALKS_BY_DESCRIPTOR = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")

_PLAIN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_COMMON = os.O_RDONLY | _PLAIN
_STEP = _COMMON | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)
# O_NONBLOCK: opening a FIFO put in a file's place must not wait for its writer.
_LEAF = _COMMON | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN

_REFUSALS = {
    errno.ELOOP: Refusal.LINK,
    errno.EACCES: Refusal.NOT_READABLE,
    errno.EPERM: Refusal.NOT_READABLE,
    errno.ENAMETOOLONG: Refusal.MALFORMED,
    errno.EINVAL: Refusal.MALFORMED,
    errno.ENXIO: Refusal.NOT_A_FILE_OR_FOLDER,
}
_NUMBERS = {Refusal.LINK: errno.ELOOP, Refusal.NOT_FOUND: errno.ENOENT, Refusal.NOT_READABLE: errno.EACCES}
_STRERRORS = {
    Refusal.LINK: "is a link, and links are not followed",
    Refusal.NOT_FOUND: "is not there",
    Refusal.NOT_READABLE: "cannot be accessed",
    Refusal.NOT_A_FILE_OR_FOLDER: "is neither a file nor a folder",
}


def open_below(root: Path, parts: Sequence[str]) -> int:
    """Open the regular file or folder at `root/parts`. The caller closes the descriptor. Raises `OpenRefused`."""
    opener = walk if WALKS_BY_DESCRIPTOR else resolve
    try:
        descriptor = opener(root, parts)
    except OpenRefused:
        raise
    except OSError as error:
        raise OpenRefused(_REFUSALS.get(error.errno or 0, Refusal.NOT_FOUND)) from None
    if not _is_file_or_folder(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OpenRefused(Refusal.NOT_A_FILE_OR_FOLDER)
    return descriptor


def read_below(root: Path, parts: Sequence[str], max_bytes: int) -> bytes:
    """Read at most `max_bytes` + 1 bytes of the file at `root/parts`, to detect a longer one. Raises OSError."""
    descriptor = open_below(root, parts)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OpenRefused(Refusal.NOT_A_FILE_OR_FOLDER)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(max_bytes + 1)


def walk(root: Path, parts: Sequence[str]) -> int:
    """Open step by step from the folder's descriptor. The folder itself was resolved when it was allowed."""
    folder = _walk_folders(root, parts[:-1])
    if not parts:
        return folder
    try:
        _look_before_opening(parts[-1], folder, last=True)
        return os.open(parts[-1], _LEAF, dir_fd=folder)
    finally:
        os.close(folder)


def _look_before_opening(part: str, folder: int, *, last: bool) -> None:
    """Refuse anything but a file or folder before opening it: opening a device may have an effect (rewind a tape).

    A later swap is caught by O_NOFOLLOW and by checking the opened descriptor.
    """
    mode = os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        raise OpenRefused(Refusal.LINK, part)
    if not last and not stat.S_ISDIR(mode):
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", part)
    if not _is_file_or_folder(mode):
        raise OpenRefused(Refusal.NOT_A_FILE_OR_FOLDER)


def resolve(root: Path, parts: Sequence[str]) -> int:
    """Open without `dir_fd`: a link below the folder makes the resolved path differ.

    On Windows `os.open` cannot open a folder, so this opens only files, and folders are listed by name.
    """
    path = root.joinpath(*parts)
    status = os.stat(path, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode) or Path(os.path.realpath(path)) != path:
        raise OpenRefused(Refusal.LINK)
    if not _is_file_or_folder(status.st_mode):
        raise OpenRefused(Refusal.NOT_A_FILE_OR_FOLDER)
    descriptor = os.open(path, _LEAF)
    opened = os.fstat(descriptor)
    unchanged = os.path.realpath(path) == str(path) and os.path.samestat(opened, status)
    if not unchanged:
        os.close(descriptor)
        raise OpenRefused(Refusal.LINK)
    return descriptor


def comparable(path: PurePath) -> tuple[str, ...]:
    """Return the parts in the form for comparison: macOS may decompose names, assistants write them composed."""
    return tuple(unicodedata.normalize("NFC", os.path.normcase(part)) for part in path.parts)


def is_windows_device(name: str) -> bool:
    """Whether Windows keeps this name, without a suffix, for a device."""
    return re.fullmatch(r"CON|PRN|AUX|NUL|(COM|LPT)\d", name, re.IGNORECASE) is not None


def _is_a_path(path: Path) -> bool:
    """Whether the system accepts the name: without a null byte or a lone surrogate."""
    try:
        return b"\0" not in os.fsencode(path)
    except ValueError:
        return False


def _is_file_or_folder(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


@dataclass(frozen=True, slots=True)
class _OpenFolder:
    """An open folder below the root: by descriptor, or by path without `dir_fd`."""

    path: Path
    descriptor: int | None

    def at(self, name: str) -> str:
        """Return the path of `name` that is passed to the system together with the descriptor."""
        return name if self.descriptor is not None else str(self.path / name)

    def status(self, name: str) -> os.stat_result:
        return os.stat(self.at(name), dir_fd=self.descriptor, follow_symlinks=False)

    def names(self, *, files_only: bool = False) -> list[str]:
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as entries:
            return sorted(
                entry.name for entry in entries if not files_only or entry.is_file(follow_symlinks=False)
            )

    def unlink(self, name: str) -> None:
        os.unlink(self.at(name), dir_fd=self.descriptor)

    def replace(self, draft: str, name: str) -> None:
        """Sync the folder if possible: its files are paid for, and their links expire."""
        os.replace(self.at(draft), self.at(name), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        if self.descriptor is not None:
            # Some network file systems cannot sync a folder.
            with suppress(OSError):
                os.fsync(self.descriptor)

    def write(self, name: str, data: bytes) -> None:
        """Create and sync a new file. Fails if the name exists."""
        descriptor = os.open(self.at(name), _DRAFT, 0o600, dir_fd=self.descriptor)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def remove_abandoned(self, drafts: re.Pattern[str]) -> None:
        """Remove those of `drafts` whose process died."""
        for name in filter(drafts.fullmatch, self.names()):
            with suppress(OSError):
                if time.time() - self.status(name).st_mtime > ABANDONED_AFTER_SECONDS:
                    self.unlink(name)


def drafts_of(name: str) -> re.Pattern[str]:
    """The names of what `GuardedFolder.write` has not completed of a file, also of earlier versions."""
    return re.compile(re.escape(f".{name}.") + r"([0-9a-f]{8}\.)?part")


class GuardedFolder:
    """Reads, writes, lists and removes files below one folder. `parts` is the path from it to the file.

    The folder itself may be a link, since its owner chose it. Below it no link is followed, and only regular files
    are read, replaced or removed. All methods raise OSError; `OpenRefused` is one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = Path(os.path.realpath(folder))

    def parts_of(self, path: Path) -> tuple[str, ...] | None:
        """Return the parts from the folder to `path`, or None if it is not below it. Compares only text."""
        if not _is_a_path(path):
            return None
        written = comparable(path)
        for base in (self.folder, self._root):
            depth = len(base.parts)
            if len(written) > depth and written[:depth] == comparable(base) and ".." not in written:
                return path.parts[depth:]
        return None

    def is_file(self, parts: Sequence[str]) -> bool:
        """Whether a regular file exists there and can be opened."""
        try:
            read_below(self._root, parts, 0)
        except OSError:
            return False
        return True

    def read(self, parts: Sequence[str], max_bytes: int) -> bytes:
        """Read at most `max_bytes` + 1 bytes of a file, to detect a longer one."""
        return read_below(self._root, parts, max_bytes)

    def names(self, parts: Sequence[str] = ()) -> list[str]:
        """Return the sorted names in a folder."""
        with self._opened(parts) as folder:
            return folder.names()

    def file_names(self, parts: Sequence[str] = ()) -> list[str]:
        """Return the sorted names of the regular files in a folder."""
        with self._opened(parts) as folder:
            return folder.names(files_only=True)

    def make(self, parts: Sequence[str]) -> None:
        """Create a folder and its parents, accessible only to this user."""
        with self._opened(parts, make=True):
            pass

    def write(self, parts: Sequence[str], data: bytes, *, make: bool = True) -> None:
        """Write or replace a file atomically, readable only by this user; create its folder only if `make`.

        The draft's name is unique, so that two processes can write the same file at once.
        """
        name = parts[-1]
        draft = f".{name}.{secrets.token_hex(4)}.part"
        with self._opened(parts[:-1], make=make) as folder:
            folder.remove_abandoned(drafts_of(name))
            try:
                folder.write(draft, data)
                folder.replace(draft, name)
            except BaseException:
                with suppress(OSError):
                    folder.unlink(draft)
                raise

    def unlink(self, parts: Sequence[str]) -> bool:
        """Remove a regular file. Returns False if there is none."""
        try:
            with self._opened(parts[:-1]) as folder:
                if not stat.S_ISREG(folder.status(parts[-1]).st_mode):
                    raise OpenRefused(Refusal.NOT_A_FILE_OR_FOLDER)
                folder.unlink(parts[-1])
        except FileNotFoundError:
            return False
        return True

    def is_abandoned(self, parts: Sequence[str]) -> bool:
        """Whether nothing was written to a folder, or removed from it, for `ABANDONED_AFTER_SECONDS`."""
        with suppress(OSError), self._opened(parts[:-1]) as folder:
            return time.time() - folder.status(parts[-1]).st_mtime > ABANDONED_AFTER_SECONDS
        return False

    def remove_if_empty(self, parts: Sequence[str]) -> None:
        with suppress(OSError), self._opened(parts[:-1]) as folder:
            os.rmdir(folder.at(parts[-1]), dir_fd=folder.descriptor)

    @contextmanager
    def _opened(self, parts: Sequence[str], *, make: bool = False) -> Generator[_OpenFolder]:
        if make:
            make_private_folder(self._root)
        path = self._root.joinpath(*parts)
        if not WALKS_BY_DESCRIPTOR:
            _check_by_name(path, make=make)
            yield _OpenFolder(path, None)
            return
        descriptor = _walk_folders(self._root, parts, make=make)
        try:
            yield _OpenFolder(path, descriptor)
        finally:
            os.close(descriptor)


def _walk_folders(root: Path, parts: Sequence[str], *, make: bool = False) -> int:
    here = os.open(root, _STEP)
    for part in parts:
        try:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=here)
            _look_before_opening(part, here, last=False)
            there = os.open(part, _STEP, dir_fd=here)
        finally:
            os.close(here)
        here = there
    return here


def _check_by_name(path: Path, *, make: bool) -> None:
    if Path(os.path.realpath(path)) != path:
        raise OpenRefused(Refusal.LINK, path.name)
    if make:
        make_private_folder(path)
    if not path.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path))
