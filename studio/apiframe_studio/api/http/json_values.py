"""Read JSON of which nothing is certain, and build JSON of what is known."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar, cast

from apiframe_studio.sanitize import sanitize_text

_V = TypeVar("_V")

MAX_COUNT: Final = 10**15
"""Larger numbers are not plausible."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_TRIGGER_WORD: Final = re.compile(r"(?=.{1,100}$)[\w-]+( [\w-]+){0,2}")


def parse_json(body: bytes | bytearray) -> object:
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


def drop_none(values: Mapping[str, _V | None]) -> dict[str, _V]:
    """Return what a request names: a field that is None is left out, not sent as null."""
    return {name: value for name, value in values.items() if value is not None}


def read_trigger_word(value: object) -> str | None:
    """Return the word if a prompt can contain it unchanged, else None: a repaired word is another word.

    One to three tokens of letters, digits, `_` and `-`. A sentence in its place would put untrusted text into a prompt.
    """
    if not isinstance(value, str) or not _TRIGGER_WORD.fullmatch(value):
        return None
    # Some letters are invisible, such as U+3164.
    return value if sanitize_text(value) == value else None


def read_number(value: object) -> float | int | None:
    """Read a finite number of plausible size, also out of a string."""
    if isinstance(value, str):
        text = value.strip()
        return (float(text) if "." in text else int(text)) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # NaN compares false with everything, so it ends as None too.
    return value if -MAX_COUNT < value < MAX_COUNT else None


def read_time(value: object) -> datetime | None:
    """Read ISO 8601, such as 2025-02-21T05:48:46.599Z, as an aware time in UTC."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) and len(value) < 100 else None
        # A time without a zone is one in UTC.
        return read and (read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
