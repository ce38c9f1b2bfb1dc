"""Errors about arguments as sentences: what is allowed, never the value that came. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from apiframe_studio.sanitize import sanitize_text

MAX_NAMED = 5


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
            return f"{name} must have at most {limits['max_length']} {parts}."
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
            return f"{name} is not valid."


def _signature(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    names = [f"{name} (required)" if name in required else name for name in schema.get("properties", ())]
    return ", ".join(names) or "no arguments"
