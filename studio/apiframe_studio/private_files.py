"""Folders that nobody else on this machine may read."""

from __future__ import annotations

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
