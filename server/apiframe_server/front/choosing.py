"""Whether this start has a front, and what the front answers: by the arguments, the environment and the installed SDK.

A start without the front is as good, only later. So whatever might print a sentence or end the program at its start
(an invalid setting, an unknown one, a terminal) is left to it.
"""

from __future__ import annotations

import json
import os
import sys

from apiframe_server import __version__
from apiframe_server.front.answering import Answers, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "snapshot")
PREFIX = "APIFRAME_"
_SWITCH = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


def choose_answers(arguments: Sequence[str], environment: Mapping[str, str]) -> Answers | None:
    """Return what the front answers in this start, or None for a start without it."""
    if [*arguments] not in ([], ["--sandbox"]) or not _has_pipes():
        return None
    try:
        facts = _read(FOLDER, "settings")
        if (
            not _is_current(facts["versions"])
            or (chosen := choose_page(facts, arguments, environment)) is None
        ):
            return None
        generation, service = chosen
        return Answers(read_snapshot(FOLDER, generation), service)
    except (OSError, ValueError, KeyError):
        return None


def choose_page(
    facts: Mapping[str, Any], arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return the generation of the API, and "service" or "sandbox"; None if a setting may be invalid."""
    values = _read_settings(facts["settings"], environment)
    if values is None:
        return None
    sandbox = bool(arguments) or _SWITCH[values.get("SANDBOX", "0")]
    return _select_generation(values, facts["v2_prefix"]), "sandbox" if sandbox else "service"


def has_trainings_to_follow(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether trainings may be under way whose end the user is to be notified of, in a start that has a front."""
    values = _read_settings(_read(FOLDER, "settings")["settings"], environment) or {}
    if not _SWITCH[values.get("NOTIFY", "0")]:
        return False
    from apiframe_studio.notes import TO_REPORT, has_note
    from apiframe_studio.places import LEDGER_FILE, SANDBOX_FOLDER, default_data_folder

    folder = values.get("DATA_DIR") or default_data_folder()
    is_sandbox = bool(arguments) or _SWITCH[values.get("SANDBOX", "0")]
    return has_note(os.path.join(folder, *[SANDBOX_FOLDER] * is_sandbox, LEDGER_FILE), TO_REPORT)


def read_snapshot(folder: str, generation: str) -> Snapshot:
    """Read the snapshot of one generation. Raises OSError, ValueError or KeyError when it cannot be read."""
    contents = _read(folder, generation)
    return Snapshot(contents["pages"], contents["parts"])


def _has_pipes() -> bool:
    """Whether the standard streams are open, wait for data, and are not a terminal."""
    try:
        return os.name == "posix" and all(
            stream is not None and os.get_blocking(number) and not (number == 0 and os.isatty(number))
            for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr))
        )
    except OSError:
        return False


def _read(folder: str, name: str) -> dict[str, Any]:
    with open(f"{folder}/{name}.json", encoding="utf-8") as file:
        return dict(json.load(file))


def _is_current(versions: Mapping[str, str]) -> bool:
    """Whether the snapshot is of this program and of the installed SDK. importlib.metadata would take 40 ms."""
    package = f"mcp-{versions['mcp']}.dist-info"
    return versions["apiframe-photo-mcp"] == __version__ and any(
        os.path.exists(f"{folder}/{package}") for folder in sys.path
    )


def _read_settings(table: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str] | None:
    """Return the settings that are set, by name without prefix; None if one may be invalid or is not known."""
    values: dict[str, str] = {}
    for variable, value in environment.items():
        if not variable.upper().startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX)
        if name not in table or not value.isprintable():
            return None
        if value and not _is_valid(value, table[name]):
            return None
        if value:
            values[name] = value
    return values


def _is_valid(value: str, allowed: list[str] | dict[str, float] | str | None) -> bool:
    """Whether a value is certainly valid. `allowed` is a list of texts, a range, or the kind of value."""
    if isinstance(allowed, list):
        return value in allowed
    if isinstance(allowed, dict):
        return _is_in_range(value, allowed["min"], allowed["max"])
    if allowed == "folder":
        # Another user's home, or a home that is not known, is an error.
        return "~" not in value
    return allowed == "text" or (allowed == "switch" and value in _SWITCH)


def _is_in_range(value: str, low: float, high: float) -> bool:
    plain = value.isascii() and value.replace(".", "", 1).isdigit()
    return plain and low <= float(value) <= high


def _select_generation(values: Mapping[str, str], v2_prefix: str) -> str:
    """As `select_generation` does."""
    version = values.get("API_VERSION", "auto")
    if version != "auto":
        return version
    return "v2" if values.get("API_KEY", "").strip().startswith(v2_prefix) else "v1"
