"""Folders and files that nobody else on this machine may read."""

from __future__ import annotations

import os
from pathlib import Path


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone. Raises OSError.

    `Path.mkdir` gives its mode to the last folder only.
    """
    for missing in reversed([folder, *folder.parents]):
        if not missing.exists():
            missing.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise FileExistsError(f"{folder.name} is a file")


def write_private(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for this user alone. Raises OSError."""
    draft = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
