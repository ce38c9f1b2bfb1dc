"""Checks of what is published about the server: the tool lists, the registry entry and the Dockerfile."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from conformance.programs import HADOLINT, INSPECTOR, SKILLSAW, TDQS, command_of_server, run
from conformance.reports import Report

CONNECT_MILLISECONDS: Final = "60000"
"""More than the default, so that no listing fails because a machine is slow."""
ERAS: Final = ("modern", "legacy")
GENERATIONS: Final = ("v1", "v2")
SCORE_REASONS: Final = {
    "prepare_photos/shadow-candidate": "The rule only counts arguments: a tool with four required ones next to one "
    "without any. Preparing photos and asking for the account do not have the same purpose"
}


def run_checks(folder: Path) -> Iterator[Report]:
    """Check the tools of both generations of the API, and lint the repository and the published files."""
    for generation in GENERATIONS:
        for era in ERAS:
            yield _inspect(generation, era, folder)
        yield _score(generation, folder)
    for path, checked in ((".", "the repository"), ("dist/server.json", "a release's registry entry")):
        arguments = ["lint", "--strict", "--quiet", "--no-progress", path]
        yield _lint("skillsaw 0.22.0", checked, [*SKILLSAW, *arguments], folder)
    arguments = ["--failure-threshold", "style", "Dockerfile"]
    yield _lint("hadolint 2.15.1", "the Dockerfile", [*HADOLINT, *arguments], folder)


def _inspect(generation: str, era: str, folder: Path) -> Report:
    arguments = [
        "--cli",
        "--protocol-era",
        era,
        "--strict",
        "-q",
        "--format",
        "json",
        "--method",
        "tools/list",
        *("--connect-timeout", CONNECT_MILLISECONDS),
    ]
    done = run([*INSPECTOR, *arguments, *command_of_server(generation)], folder)
    failures = {"tools/list": done.stderr.strip()[:2000]} if done.returncode else {}
    tools = len(json.loads(done.stdout)["result"]["tools"]) if not failures else 0
    return Report("MCP inspector 2.12.0", f"strict listing of {generation}, {era} era", tools, failures)


def _score(generation: str, folder: Path) -> Report:
    checked = f"tool definitions of {generation}"
    command = shlex.join(command_of_server(generation))
    done = run([*TDQS, "lint", "--command", command, "--format", "json"], folder)
    if done.returncode not in (0, 1):
        return Report("tdqs 0.1.0", checked, 0, {"start": done.stderr.strip()})
    report = json.loads(done.stdout)
    failures = {
        f"{one.get('tool', 'server')}/{one['rule']}": str(one["message"])
        for one in report["findings"]
        if one["severity"] != "info"
    }
    return Report("tdqs 0.1.0", checked, len(report["tools"]), failures, SCORE_REASONS)


def _lint(checker: str, checked: str, command: list[str], folder: Path) -> Report:
    done = run(command, folder)
    failures = {checked: (done.stdout + done.stderr).strip()[:2000]} if done.returncode else {}
    return Report(checker, checked, 0 if failures else 1, failures)
