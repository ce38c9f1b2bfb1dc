"""The last results of `make conformance` and `make interop` as tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from docgen.tables import render_table

RESULTS: Final = Path(__file__).resolve().parent.parent / "docs/results"


def render_conformance() -> str:
    """Return each program with what it checked and how many checks passed."""
    rows = ([row["checker"], row["checked"], _outcome(row)] for row in _read("conformance.json"))
    return render_table(["program", "checked", "result"], rows)


def render_failures() -> str:
    """Return every failed check with its reason."""
    rows = [
        [f"`{check}`", row["checked"], reason]
        for row in _read("conformance.json")
        for check, reason in row["failures"].items()
    ]
    return render_table(["check", "on", "reason"], rows) if rows else "None."


def render_interop() -> str:
    """Return every client with its result."""
    columns = ("client", "version", "way", "v1", "v2")
    rows = ([row[column] for column in columns] for row in _read("interop.json"))
    return render_table(["client", "version", "how it connects", "the job with v1", "the job with v2"], rows)


def _outcome(row: dict[str, Any]) -> str:
    failed = f", {len(row['failures'])} explained below" if row["failures"] else ""
    return f"{row['passed']} passed{failed}"


def _read(name: str) -> list[dict[str, Any]]:
    path = RESULTS / name
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []
