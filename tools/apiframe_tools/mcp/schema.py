"""Schemas without what a model does not need: every character of a tool list is read at every turn. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast


def slim_input(schema: dict[str, Any]) -> dict[str, Any]:
    """No titles, no null arms (null means absent to us), no null defaults, and nothing unknown allowed."""
    slim = _without_titles(schema)
    slim["properties"] = {name: _without_null(part) for name, part in slim.get("properties", {}).items()}
    return {**slim, "additionalProperties": False}


def slim_output(schema: dict[str, Any]) -> dict[str, Any]:
    """No titles. Null arms stay: clients validate results against them."""
    return _without_titles(schema)


def _without_titles(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop `title` wherever it is the keyword, never a property of that name."""
    slim: dict[str, Any] = {}
    for key, part in schema.items():
        if key == "title" and isinstance(part, str):
            continue
        slim[key] = _each_without_titles(part) if key in ("properties", "$defs") else _walk(part)
    return slim


def _each_without_titles(named: dict[str, Any]) -> dict[str, Any]:
    return {name: _without_titles(part) for name, part in named.items()}


def _walk(part: Any) -> Any:
    if isinstance(part, dict):
        return _without_titles(cast("dict[str, Any]", part))
    return list(map(_walk, cast("Iterable[Any]", part))) if isinstance(part, list) else part


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    arms = [arm for arm in part.get("anyOf", ()) if arm != {"type": "null"}]
    if len(arms) != 1:
        return part
    rest = {
        key: value
        for key, value in part.items()
        if key != "anyOf" and not (key == "default" and value is None)
    }
    return {**arms[0], **rest}
