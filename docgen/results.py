"""The last results of `make conformance` and `make interop` as tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from docgen.tables import table

RESULTS: Final = Path(__file__).resolve().parent.parent / "docs/results"


def conformance() -> str:
    """Return each program with what it checked and how many checks passed."""
    rows = ([one["checker"], one["checked"], _outcome(one)] for one in _read("conformance.json"))
    return table(["program", "checked", "result"], rows)


def failures() -> str:
    """Return every failed check with its reason."""
    rows = [
        [f"`{check}`", one["checked"], reason]
        for one in _read("conformance.json")
        for check, reason in one["failures"].items()
    ]
    return table(["check", "on", "reason"], rows) if rows else "None."


def interop() -> str:
    """Return every client with its result."""
    rows = ([one["client"], one["version"], one["way"], one["result"]] for one in _read("interop.json"))
    return table(["client", "version", "how it connects", "the main job on the sandbox"], rows)


def _outcome(one: dict[str, Any]) -> str:
    failed = f", {len(one['failures'])} explained below" if one["failures"] else ""
    return f"{one['passed']} passed{failed}"


def _read(name: str) -> list[dict[str, Any]]:
    path = RESULTS / name
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []
