"""Opening one path below one folder so that nothing can lead out of it.

On POSIX every step is an `openat` with O_NOFOLLOW from the descriptor of the step before, so a link that is
put in the way between a check and its use is met by the kernel, not by us. Where `dir_fd` is missing
(Windows) the path is resolved, compared, opened, and the opened file is compared with what was resolved.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from apiframe_studio.photos.errors import Refusal


class Refused(Exception):
    """Carries the refusal up to the guard, which knows the allowed folders."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.value)


WALKS_BY_DESCRIPTOR = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")

_COMMON = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_STEP = _COMMON | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0)
# O_NONBLOCK: opening a FIFO put in a file's place must not wait for its writer.
_LEAF = _COMMON | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)

_REFUSALS = {
    errno.ELOOP: Refusal.LINK,
    errno.EACCES: Refusal.NOT_READABLE,
    errno.EPERM: Refusal.NOT_READABLE,
    errno.ENAMETOOLONG: Refusal.MALFORMED,
    errno.EINVAL: Refusal.MALFORMED,
    errno.ENXIO: Refusal.NOT_A_FILE_OR_FOLDER,
}


def open_below(root: Path, parts: Sequence[str]) -> int:
    """A descriptor of the regular file or folder at `root/parts`; the caller closes it. Raises `Refused`."""
    opener = walk if WALKS_BY_DESCRIPTOR else resolve
    try:
        descriptor = opener(root, parts)
    except OSError as error:
        raise Refused(_REFUSALS.get(error.errno or 0, Refusal.NOT_FOUND)) from None
    if not _is_file_or_folder(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused(Refusal.NOT_A_FILE_OR_FOLDER)
    return descriptor


def walk(root: Path, parts: Sequence[str]) -> int:
    """Step by step from the folder's own descriptor. The folder itself was resolved when it was allowed."""
    here = os.open(root, _STEP)
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        try:
            _look_before_opening(part, here, last=last)
            there = os.open(part, _LEAF if last else _STEP, dir_fd=here)
        finally:
            os.close(here)
        here = there
    return here


def _look_before_opening(part: str, folder: int, *, last: bool) -> None:
    """Opening a device can do something (rewind a tape), so what is no file or folder is not opened at all.

    A swap after this look is caught by O_NOFOLLOW and by the look at the opened descriptor.
    """
    mode = os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        raise Refused(Refusal.LINK)
    if not last and not stat.S_ISDIR(mode):
        raise Refused(Refusal.NOT_FOUND)
    if not _is_file_or_folder(mode):
        raise Refused(Refusal.NOT_A_FILE_OR_FOLDER)


def resolve(root: Path, parts: Sequence[str]) -> int:
    """The way without `dir_fd`: any link below the folder shows as a difference after resolving.

    A folder cannot be opened with `os.open` on Windows, so there this serves files only and
    `AllowedFolders` lists folders by name.
    """
    path = root.joinpath(*parts)
    status = os.stat(path, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode) or Path(os.path.realpath(path)) != path:
        raise Refused(Refusal.LINK)
    if not _is_file_or_folder(status.st_mode):
        raise Refused(Refusal.NOT_A_FILE_OR_FOLDER)
    descriptor = os.open(path, _LEAF)
    opened = os.fstat(descriptor)
    unchanged = os.path.realpath(path) == str(path) and os.path.samestat(opened, status)
    if not unchanged:
        os.close(descriptor)
        raise Refused(Refusal.LINK)
    return descriptor


def _is_file_or_folder(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
