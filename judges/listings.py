"""Judges of what is read about the server: the tool list, the registry's entry, the recipe for a container."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from judges.programs import HADOLINT, INSPECTOR, SERVER, SKILLSAW, TDQS, run
from judges.verdicts import Verdict

ERAS: Final = ("modern", "legacy")
SCORE_REASONS: Final = {
    "prepare_photos/shadow-candidate": "Arithmetic alone: a tool with four required arguments beside any tool with "
    "none. An upload and a look at the account do not answer the same question"
}


def verdicts(folder: Path) -> Iterator[Verdict]:
    """The inspector in both eras, the tool definitions' score, and the linters of two files."""
    for era in ERAS:
        yield _inspected(era, folder)
    yield _scored(folder)
    for place, of in ((".", "the repository"), ("dist/server.json", "a release's registry entry")):
        asked = ["lint", "--strict", "--quiet", "--no-progress", place]
        yield _linted("skillsaw 0.22.0", of, [*SKILLSAW, *asked], folder)
    asked = ["--failure-threshold", "style", "Dockerfile"]
    yield _linted("hadolint 2.15.1", "the Dockerfile", [*HADOLINT, *asked], folder)


def _inspected(era: str, folder: Path) -> Verdict:
    asked = ["--cli", "--protocol-era", era, "--strict", "-q", "--format", "json", "--method", "tools/list"]
    done = run([*INSPECTOR, *asked, *SERVER], folder)
    reds = {"tools/list": done.stderr.strip()[:2000]} if done.returncode else {}
    tools = len(json.loads(done.stdout)["result"]["tools"]) if not reds else 0
    return Verdict("MCP inspector 2.12.0", f"strict listing, {era} era", tools, reds)


def _scored(folder: Path) -> Verdict:
    done = run([*TDQS, "lint", "--command", shlex.join(SERVER), "--format", "json"], folder)
    if done.returncode not in (0, 1):
        return Verdict("tdqs 0.1.0", "tool definitions", 0, {"start": done.stderr.strip()})
    report = json.loads(done.stdout)
    reds = {
        f"{one.get('tool', 'server')}/{one['rule']}": str(one["message"])
        for one in report["findings"]
        if one["severity"] != "info"
    }
    return Verdict("tdqs 0.1.0", "tool definitions", len(report["tools"]), reds, SCORE_REASONS)


def _linted(judge: str, of: str, command: list[str], folder: Path) -> Verdict:
    done = run(command, folder)
    reds = {of: (done.stdout + done.stderr).strip()[:2000]} if done.returncode else {}
    return Verdict(judge, of, 0 if reds else 1, reds)
