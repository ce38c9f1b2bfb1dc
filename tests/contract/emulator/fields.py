"""What the contract allows in bodies, queries and paths. All reasons are collected before a request is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from .answers import invalid

Check = Callable[[Any], str | None]
"""Returns why a value is refused, or None."""


def text(low: int, high: int) -> Check:
    """Text of so many characters."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "Invalid input: expected string"
        if len(value) < low:
            return f"Too small: expected string to have >={low} characters"
        return f"Too big: expected string to have <={high} characters" if len(value) > high else None

    return check


def one_of(*words: str) -> Check:
    """One of these words."""
    return lambda value: None if value in words else f"Invalid option: expected one of {'|'.join(words)}"


def number(low: float, high: float, *, whole: bool = True) -> Check:
    """A JSON number within bounds."""

    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != int(value)):
            return "Invalid input: expected number"
        return None if low <= value <= high else f"Expected {low} to {high}"

    return check


def decimal(low: int, high: int) -> Check:
    """A whole number in digits, as form data carries it."""
    within = number(low, high)
    return lambda value: (
        within(int(value)) if re.fullmatch(r"[0-9]+", value) else "Invalid input: expected number"
    )


def uuid(value: Any) -> str | None:
    """An id."""
    try:
        valid = isinstance(value, str) and str(UUID(value)) == value.lower()
    except ValueError:
        valid = False
    return None if valid else "Invalid UUID"


def url(value: Any) -> str | None:
    """A web address."""
    split = urlsplit(value) if isinstance(value, str) else None
    return None if split and split.scheme in ("http", "https") and split.netloc else "Invalid URL"


def listed(*words: str) -> Check:
    """A list of at least one of these words."""

    def check(value: Any) -> str | None:
        valid = isinstance(value, list) and value and all(one in words for one in value)
        return None if valid else "Invalid option"

    return check


def comma_separated(*words: str) -> Check:
    """The same, as text."""
    return lambda value: listed(*words)(value.split(","))


def check_fields(
    values: Mapping[str, Any],
    checks: Mapping[str, Check],
    required: Iterable[str],
    *,
    closed: bool,
    at: str = "",
) -> None:
    """Refuse a request whose fields are wrong, missing, or (if closed) unknown."""
    details = {at + name: ["Required"] for name in required if name not in values}
    for name, value in values.items():
        if name not in checks:
            if closed:
                details[at + name] = ["Unrecognized key"]
        elif reason := checks[name](value):
            details[at + name] = [reason]
    if details:
        raise invalid(details)
