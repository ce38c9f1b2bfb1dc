"""What judges and clients said in their last run, as tables; `make judges` and `make interop` write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pages.tables import table

RESULTS: Final = Path(__file__).resolve().parent.parent / "docs/results"


def judges() -> str:
    """Every judge with what it looked at and how many checks passed."""
    rows = ([one["judge"], one["looked_at"], _verdict(one)] for one in _read("judges.json"))
    return table(["judge", "looked at", "verdict"], rows)


def reds() -> str:
    """Every check that did not pass, with its reason."""
    rows = [
        [f"`{red}`", one["looked_at"], why]
        for one in _read("judges.json")
        for red, why in one["reds"].items()
    ]
    return table(["check", "on", "why it is red"], rows) if rows else "None."


def interop() -> str:
    """Every client with what it did."""
    rows = ([one["client"], one["version"], one["way"], one["result"]] for one in _read("interop.json"))
    return table(["client", "version", "how it connects", "the main job on the sandbox"], rows)


def _verdict(one: dict[str, Any]) -> str:
    red = f", {len(one['reds'])} explained below" if one["reds"] else ""
    return f"{one['passed']} passed{red}"


def _read(name: str) -> list[dict[str, Any]]:
    path = RESULTS / name
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []
