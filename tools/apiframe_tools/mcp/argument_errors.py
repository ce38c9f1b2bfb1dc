"""Errors about arguments as sentences: what is allowed, never the value that came. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from apiframe_studio.sanitize import sanitize_text

MAX_NAMED = 5
_PROBLEMS = {
    "missing": "is missing",
    **dict.fromkeys(("string_too_short", "too_short"), "is empty"),
    **dict.fromkeys(("string_too_long", "too_long"), "must have at most {max_length} {parts}"),
    **dict.fromkeys(("string_type", "string_sub_type", "string_unicode"), "must be text"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(
        ("int_parsing", "int_type", "int_from_float", "int_parsing_size"), "must be a whole number"
    ),
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    **dict.fromkeys(("literal_error", "enum"), "must be one of {expected}"),
    "value_error": "{error}",
}
"""By the type of pydantic's error, with the fields of its context."""


def describe(tool: str, error: ValidationError, schema: dict[str, Any]) -> str:
    """Describe the unknown arguments or, without any, each wrong one, and what the tool takes."""
    found = error.errors(include_input=False, include_url=False)
    unknown = [_name(details) for details in found if details["type"] == "extra_forbidden"]
    wrong = (
        f"Not an argument of this tool: {', '.join(unknown[:MAX_NAMED])}."
        if unknown
        else " ".join(_sentence(details, schema) for details in found[:MAX_NAMED])
    )
    return f"{wrong} Nothing was done. {tool} takes: {_signature(schema)}."


def _name(details: ErrorDetails) -> str:
    return sanitize_text(str(details["loc"][0]), 60) if details["loc"] else "the arguments"


def _sentence(details: ErrorDetails, schema: dict[str, Any]) -> str:
    name = _name(details)
    # A secret, which is text, comes as too_long, too.
    is_list = schema.get("properties", {}).get(name, {}).get("type") == "array"
    facts = {**details.get("ctx", {}), "parts": "entries" if is_list else "characters"}
    return f"{name} {_PROBLEMS.get(details['type'], 'is not valid').format(**facts)}."


def _signature(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    names = [f"{name} (required)" if name in required else name for name in schema.get("properties", ())]
    return ", ".join(names) or "no arguments"
