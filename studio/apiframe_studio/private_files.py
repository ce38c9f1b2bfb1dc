"""Folders and files that no other user of this machine may read or change.

Modes and owners are POSIX. On Windows a folder below the user's profile is private by inheritance, and nothing is
read or changed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

IS_POSIX: Final = os.name != "nt"
_FOR_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_WRITE_FOR_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_MAX_ENTRIES: Final = 1000
_OF_ANOTHER: Final = "belongs to another user of this machine"
_OPEN_TO_OTHERS: Final = "can be written by other users of this machine"


class NotPrivate(Exception):
    """Another user owns `path`, or can change what is in it."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} {why}")
        self.path = path
        self.why = why


def make_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents, accessible only to this user. Raises OSError.

    `Path.mkdir` gives its mode to the last folder only.
    """
    for missing in reversed([folder, *folder.parents]):
        if not missing.exists():
            missing.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise FileExistsError(f"{folder.name} is a file")


def keep_private(folder: Path) -> None:
    """Make this user's folder inaccessible to other users.

    Raises:
        NotPrivate: it belongs to another user, or others can replace it.
        OSError: its owner and mode cannot be read.
    """
    if not IS_POSIX:
        return
    folder = folder.resolve()
    refuse_of_others(folder)
    found = folder.stat()
    if found.st_mode & _FOR_OTHERS:
        _tighten(folder, found.st_mode)
    for above in folder.parents:
        found = above.stat()
        if not _others_can_replace(found.st_mode):
            continue
        if found.st_uid == os.geteuid() and _is_all_ours(above):
            above.chmod(stat.S_IMODE(found.st_mode) & ~_WRITE_FOR_OTHERS)
        if _others_can_replace(above.stat().st_mode):
            raise NotPrivate(above, _OPEN_TO_OTHERS)


def refuse_of_others(path: Path) -> None:
    """Raise NotPrivate if another user owns a file or folder, OSError if its owner cannot be read."""
    if IS_POSIX and path.stat().st_uid != os.geteuid():
        raise NotPrivate(path, _OF_ANOTHER)


def keep_file_private(path: Path) -> None:
    """Remove other users' permissions on this user's own file. Raises NotPrivate, OSError."""
    refuse_of_others(path)
    if IS_POSIX and (mode := path.stat().st_mode) & _FOR_OTHERS:
        path.chmod(stat.S_IMODE(mode) & ~_FOR_OTHERS)


def _tighten(folder: Path, mode: int) -> None:
    # A folder with the sticky bit is shared on purpose, and may belong to the system.
    if not mode & stat.S_ISVTX:
        # Others may have a reason to list a home folder and its parents.
        is_home = Path.home().resolve().is_relative_to(folder)
        taken = _WRITE_FOR_OTHERS if is_home else _FOR_OTHERS
        folder.chmod(stat.S_IMODE(mode) & ~taken)
    if folder.stat().st_mode & _WRITE_FOR_OTHERS:
        raise NotPrivate(folder, _OPEN_TO_OTHERS)


def _others_can_replace(mode: int) -> bool:
    """Whether every user may rename files in a folder: all may write, and there is no sticky bit."""
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def _is_all_ours(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number == _MAX_ENTRIES or entry.stat(follow_symlinks=False).st_uid != os.geteuid():
                return False
    return True
