"""The conformance suite of the protocol, for both revisions that hosts use.

It runs twice for each revision: on the server with the fixtures of the suite, where every scenario applies, and on
the server exactly as shipped, with the scenarios that need no fixture. It calls none of our tools, and those of v1 and
v2 differ only in schemas and texts, which `listings` checks for both; so one generation of the API is enough here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from conformance.programs import CONFORMANCE, run, served
from conformance.reports import Report

VERSION: Final = "0.2.0-alpha.12"
REVISIONS: Final = ("2025-11-25", "2026-07-28")
FIXTURE_FREE: Final = frozenset(
    {
        "server-initialize",
        "server-session-lifecycle",
        "ping",
        "tools-list",
        "resources-list",
        "prompts-list",
        "completion-complete",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
        "caching",
        "http-header-validation",
        "sep-2164-resource-not-found",
        "server-stateless",
    }
)
_NEEDS_FIXTURE: Final = "The check calls the suite's own tool; it passes on the app with fixtures"
REASONS: Final = {
    "server-stateless/sep-2575-server-rejects-undeclared-capability": _NEEDS_FIXTURE,
    "server-stateless/sep-2575-missing-capability-http-400": _NEEDS_FIXTURE,
    "server-stateless/sep-2575-server-sends-prompts-list-changed-on-subscription": _NEEDS_FIXTURE,
    "server-stateless/sep-2575-server-sends-tools-list-changed-on-subscription": _NEEDS_FIXTURE,
    "caching/sep-2549-resources-read-caching-hints": "There is no resource to read yet",
    "completion-complete/completion-complete": "Nothing here can be completed as long as there are no prompts",
}


def run_suite() -> Iterator[Report]:
    """Run both revisions, with and without fixtures."""
    with served(fixtures=True) as url:
        for revision in REVISIONS:
            yield _report(revision, "our tools next to the fixtures", _run_checks(url, revision), {})
    with served(fixtures=False) as url:
        for revision in REVISIONS:
            checks = _run_checks(url, revision)
            shipped = {name: checks[name] for name in checks.keys() & FIXTURE_FREE}
            yield _report(revision, "as shipped, without fixtures", shipped, REASONS)


def _report(
    revision: str, what: str, checks: dict[str, list[dict[str, str]]], reasons: dict[str, str]
) -> Report:
    checks_made = [
        (name, check) for name, found in checks.items() for check in found if check["status"] != "INFO"
    ]
    failures = {
        f"{name}/{check['id']}": check.get("errorMessage", check["status"])
        for name, check in checks_made
        if check["status"] != "SUCCESS"
    }
    passed = sum(check["status"] == "SUCCESS" for _, check in checks_made)
    return Report(f"MCP conformance {VERSION}", f"{revision}, {what}", passed, failures, reasons)


def _run_checks(url: str, revision: str) -> dict[str, list[dict[str, str]]]:
    """Run the suite and return its checks by scenario."""
    with tempfile.TemporaryDirectory() as out:
        arguments = ["server", "--url", url, "--suite", "all", "--spec-version", revision, "-o", out]
        process = run([*CONFORMANCE, *arguments], Path(out))
        found = {_scenario(path): json.loads(path.read_text()) for path in Path(out).glob("*/checks.json")}
    if not FIXTURE_FREE & found.keys():
        raise SystemExit(f"The conformance suite wrote no known results:\n{process.stdout}{process.stderr}")
    return found


def _scenario(checks: Path) -> str:
    """Return `ping` for `server-ping-2026-01-01T00-00-00-000Z/checks.json`: the path without prefix and time."""
    return checks.parent.name.removeprefix("server-").rsplit("-", 6)[0]
