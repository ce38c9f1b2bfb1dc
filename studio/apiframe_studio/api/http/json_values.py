"""Reading JSON of which nothing is certain."""

from __future__ import annotations

import json
from typing import cast


def parse_json(body: bytes) -> object:
    """Return what a body holds, or None when it is not JSON."""
    try:
        return json.loads(body.decode("utf-8-sig"))
    # A number of 5,000 digits is a ValueError, 100,000 nested lists are a RecursionError.
    except (ValueError, RecursionError):
        return None


def object_or_empty(value: object) -> dict[str, object]:
    """Return a JSON object unchanged, and {} for anything else."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def array_or_empty(value: object) -> list[object]:
    """Return a JSON array unchanged, and [] for anything else."""
    return cast("list[object]", value) if isinstance(value, list) else []
