"""All that is published (tools with their `_meta`, instructions, prompts, resources) is that of the committed snapshot.

It has a file for each generation of the API, so a review shows every change. After a change that is meant: `make docs`.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from docgen.snapshot import GENERATIONS, render_snapshot

pytestmark = pytest.mark.slow


def test_what_is_published_is_that_of_the_snapshot() -> None:
    files = render_snapshot()
    assert {path.stem for path in files} >= set(GENERATIONS)
    if changes := "\n".join(
        _changes(path, now) for path, now in files.items() if path.read_text("utf-8") != now
    ):
        pytest.fail(f"{changes}\n{__doc__}", pytrace=False)


def _changes(path: Path, now: str) -> str:
    committed = path.read_text("utf-8").splitlines()
    lines = difflib.unified_diff(committed, now.splitlines(), path.name, f"{path.name} now", lineterm="")
    return "\n".join(lines)
