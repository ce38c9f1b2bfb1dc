"""The tools, settings, exit codes and decisions as tables, and the settings as the registry expects them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from apiframe_server.problems import EXIT_CODES
from apiframe_server.settings import PREFIX, Settings
from apiframe_studio.api.select import DEFAULT_TERMS
from apiframe_tools import StudioTool, build_tools

TOOL_ORDER: Final = (
    "check_photos",
    "prepare_photos",
    "start_training",
    "wait_for_training",
    "get_training_status",
    "generate_photos",
    "list_images",
    "list_trainings",
    "get_account",
    "resolve_training",
)
DECISIONS: Final = Path(__file__).resolve().parent.parent / "docs/decisions"
FORMATS: Final = {float: "number", bool: "boolean", Path: "filepath"}


def render_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def render_tools() -> str:
    """Return every tool with its first sentence and what it may cost, in the order of use."""
    listed = {tool.name: tool for tool in build_tools(DEFAULT_TERMS)}
    ordered = [listed.pop(name) for name in TOOL_ORDER] + list(listed.values())
    return render_table(
        ["tool", f"what it does (without a key: on the terms of {DEFAULT_TERMS.generation})", "kind"],
        ([f"`{tool.name}`", _first_paragraph(tool), _kind(tool)] for tool in ordered),
    )


def render_exit_codes() -> str:
    """Return the exit codes of every command, with the `kind` of an error in JSON."""
    kinds = {code: "" if code in (0, 1, 130) else f"`{code.name.lower()}`" for code in EXIT_CODES}
    return render_table(
        ["exit code", "kind", "means"],
        ([str(int(code)), kinds[code], meaning] for code, meaning in EXIT_CODES.items()),
    )


def render_decisions() -> str:
    """Return every decision with its number and title."""
    pages = sorted(DECISIONS.glob("[0-9]*.md"))
    titles = (page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for page in pages)
    listed = zip(pages, (title.partition(". ") for title in titles), strict=True)
    return render_table(
        ["", "decision"], ([number, f"[{title}]({page.name})"] for page, (number, _, title) in listed)
    )


def _first_paragraph(tool: StudioTool) -> str:
    return " ".join(tool.description.partition("\n\n")[0].split())


def _kind(tool: StudioTool) -> str:
    hints = tool.annotations
    match (hints and hints.read_only_hint, hints and hints.open_world_hint, hints and hints.destructive_hint):
        case (True, True, _):
            return "free, changes nothing"
        case (True, _, _):
            return "free, on this machine only"
        case (_, _, True):
            return "as the user decides"
        case _:
            return "**spends credits**"


def render_settings() -> str:
    """Return every setting with its default and its range."""
    rows = ([f"`{_variable(name)}`", _default(field), _meaning(field)] for name, field in _fields())
    return render_table(["variable", "default", "meaning"], rows)


def list_variables() -> list[dict[str, Any]]:
    """Return every setting as an input of the registry's server.json."""
    return [_variable_entry(name, field) for name, field in _fields()]


def _variable_entry(name: str, field: FieldInfo) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": _variable(name), "description": field.description}
    if field.annotation is SecretStr:
        return entry | {"isSecret": True}
    if field.annotation in FORMATS:
        entry["format"] = FORMATS[field.annotation]
    if choices := _choices(field):
        entry["choices"] = choices
    return entry


def _fields() -> Iterable[tuple[str, FieldInfo]]:
    return Settings.model_fields.items()


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _default(field: FieldInfo) -> str:
    match field.default:
        case None | SecretStr():
            return "none"
        case Path() | (Path(), *_):
            return "depends on the system"
        case bool(flag):
            return str(flag).lower()
        case float(number):
            return f"{number:g}"
        case tuple(parts):
            return f"`{','.join(parts)}`"
        case other:
            return f"`{other}`"


def _meaning(field: FieldInfo) -> str:
    choices = _choices(field)
    allowed = f": {', '.join(choices)}" if choices else _range(field)
    return f"{field.description}{allowed}"


def _range(field: FieldInfo) -> str:
    minimum = next((bound.ge for bound in field.metadata if hasattr(bound, "ge")), None)
    maximum = next((bound.le for bound in field.metadata if hasattr(bound, "le")), None)
    return "" if minimum is None else f" ({minimum:g} to {maximum:,.15g})"


def _choices(field: FieldInfo) -> list[str]:
    origin = str(get_origin(field.annotation))
    return [str(choice) for choice in get_args(field.annotation)] if "Literal" in origin else []
