"""What a client sees of each tool with either kind of key, as committed snapshots: a review shows every change.

After a change that is meant: `UPDATE_SNAPSHOTS=1 python -m pytest tests/tools/test_snapshots.py`.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Serving

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATING = bool(os.environ.get("UPDATE_SNAPSHOTS"))


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_each_tool_matches_its_snapshot(serving: Serving, api: str) -> None:
    seen = {}
    async with serving(api=api) as session:
        for tool in (await session.client.list_tools()).tools:
            shown = tool.model_dump(mode="json", by_alias=True, exclude_none=True)
            seen[f"{tool.name}.json"] = json.dumps(_in_order(shown), indent=2, ensure_ascii=False) + "\n"
    folder = SNAPSHOTS / api
    if UPDATING:
        _write(folder, seen)
    committed = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    if changes := _changes(committed, seen):
        pytest.fail(f"{changes}\n{__doc__}", pytrace=False)


def _in_order(schema: Any, *, named: bool = False) -> Any:
    """Only the order of keywords differs between the eras; the order of parameters is kept because models read it."""
    if isinstance(schema, dict):
        keys = schema if named else sorted(schema)
        return {key: _in_order(schema[key], named=key == "properties") for key in keys}
    return [_in_order(part) for part in schema] if isinstance(schema, list) else schema


def _write(folder: Path, seen: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.name not in seen:
            path.unlink()
    for name, text in seen.items():
        (folder / name).write_text(text, encoding="utf-8")


def _changes(committed: dict[str, str], seen: dict[str, str]) -> str:
    return "\n".join(
        line
        for name in sorted(committed.keys() | seen.keys())
        for line in difflib.unified_diff(
            committed.get(name, "").splitlines(),
            seen.get(name, "").splitlines(),
            f"{name} as committed",
            f"{name} as it is now",
            lineterm="",
        )
    )
