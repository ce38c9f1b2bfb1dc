"""Find paths similar to a missing one, only below an allowed folder."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from apiframe_studio.guarded_files import GuardedFolder
from apiframe_studio.sanitize import sanitize_text

MAX_NEAR = 3
_MIN_SIMILARITY = 0.6


def find_near_misses(root: Path, parts: Sequence[str], suffixes: frozenset[str]) -> list[Path]:
    """Return folders and photos with names similar to the first missing part of the path."""
    folder = GuardedFolder(root)
    for depth, missing in enumerate(parts):
        try:
            names = folder.names(parts[:depth])
        except OSError:
            return []
        if missing not in names:
            found = [(*parts[:depth], name) for name in _find_similar(missing, names)]
            return [
                root.joinpath(*one)
                for one in found
                if Path(one[-1]).suffix.lower() in suffixes or _is_folder(folder, one)
            ][:MAX_NEAR]
    return []


def _find_similar(wanted: str, names: Sequence[str]) -> list[str]:
    """Return visible names that are similar to the given one or contain it, most similar first."""
    by_key: dict[str, str] = {_key(name): name for name in names if not name.startswith(".")}
    close = difflib.get_close_matches(_key(wanted), by_key, 3 * MAX_NEAR, _MIN_SIMILARITY)
    holding = [key for key in by_key if len(wanted) > 2 and _key(wanted) in key]
    return [by_key[key] for key in dict.fromkeys([*close, *holding[:MAX_NEAR]])]


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", sanitize_text(name)).casefold()


def _is_folder(folder: GuardedFolder, parts: Sequence[str]) -> bool:
    try:
        folder.names(parts)
    except OSError:
        return False
    return True
