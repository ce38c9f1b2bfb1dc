"""What was wrong with a call's arguments, in words: the allowed values, never the value that came. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from apiframe_studio.strangers import plain

MOST_NAMED = 5


def describe(tool: str, error: ValidationError, schema: dict[str, Any]) -> str:
    """One sentence for each argument that was wrong, and what the tool takes."""
    found = error.errors(include_input=False, include_url=False)[:MOST_NAMED]
    wrong = [_sentence(details, schema) for details in found]
    return f"{' '.join(wrong)} Nothing was done. {tool} takes: {_signature(schema)}."


def unknown_arguments(tool: str, names: Sequence[str], schema: dict[str, Any]) -> str:
    """The names that a tool does not know, and those that it does."""
    unknown = ", ".join(plain(name, 60) for name in names[:MOST_NAMED])
    return f"Not an argument of this tool: {unknown}. Nothing was done. {tool} takes: {_signature(schema)}."


def _sentence(details: ErrorDetails, schema: dict[str, Any]) -> str:
    name = plain(str(details["loc"][0]), 60) if details["loc"] else "the arguments"
    limits = details.get("ctx", {})
    match details["type"]:
        case "missing":
            return f"{name} is missing."
        case "string_too_short" | "too_short":
            return f"{name} is empty."
        case "string_too_long" | "too_long":
            # A secret, which is text, comes as too_long, too.
            parts = (
                "entries"
                if schema.get("properties", {}).get(name, {}).get("type") == "array"
                else "characters"
            )
            return f"{name} may have at most {limits['max_length']} {parts}."
        case "string_type" | "string_sub_type" | "string_unicode":
            return f"{name} must be text."
        case "bool_type" | "bool_parsing":
            return f"{name} must be true or false."
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return f"{name} must be a whole number."
        case "greater_than_equal":
            return f"{name} must be at least {limits['ge']}."
        case "less_than_equal":
            return f"{name} must be at most {limits['le']}."
        case "literal_error" | "enum":
            return f"{name} must be one of {limits['expected']}."
        case "value_error":
            return f"{name} {limits['error']}."
        case _:
            return f"{name} is not what this tool takes."


def _signature(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    names = [f"{name} (required)" if name in required else name for name in schema.get("properties", ())]
    return ", ".join(names) or "no arguments"
