"""The protocol's own conformance suite, in both revisions that hosts speak.

Twice each: on our app with the suite's fixtures beside our tools, where every scenario applies, and on the
server exactly as it is shipped, with the scenarios that need no fixture.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from judges.programs import CONFORMANCE, run, served
from judges.verdicts import Verdict

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
_NEEDS_A_TOOL: Final = "The check calls the suite's own tool; it passes on the app with fixtures"
REASONS: Final = {
    "server-stateless/sep-2575-server-rejects-undeclared-capability": _NEEDS_A_TOOL,
    "server-stateless/sep-2575-missing-capability-http-400": _NEEDS_A_TOOL,
    "server-stateless/sep-2575-server-sends-prompts-list-changed-on-subscription": _NEEDS_A_TOOL,
    "server-stateless/sep-2575-server-sends-tools-list-changed-on-subscription": _NEEDS_A_TOOL,
    "caching/sep-2549-resources-read-caching-hints": "There is no resource to read yet",
    "completion-complete/completion-complete": "Nothing here can be completed as long as there are no prompts",
}


def verdicts() -> Iterator[Verdict]:
    """Both revisions, with and without fixtures."""
    with served(fixtures=True) as address:
        for revision in REVISIONS:
            yield _verdict(revision, "our tools beside the fixtures", _checks(address, revision), {})
    with served(fixtures=False) as address:
        for revision in REVISIONS:
            checks = _checks(address, revision)
            shipped = {name: checks[name] for name in checks.keys() & FIXTURE_FREE}
            yield _verdict(revision, "as shipped, without fixtures", shipped, REASONS)


def _verdict(
    revision: str, what: str, checks: dict[str, list[dict[str, str]]], reasons: dict[str, str]
) -> Verdict:
    judged = [(name, check) for name, found in checks.items() for check in found if check["status"] != "INFO"]
    reds = {
        f"{name}/{check['id']}": check.get("errorMessage", check["status"])
        for name, check in judged
        if check["status"] != "SUCCESS"
    }
    passed = sum(check["status"] == "SUCCESS" for _, check in judged)
    return Verdict(f"MCP conformance {VERSION}", f"{revision}, {what}", passed, reds, reasons)


def _checks(address: str, revision: str) -> dict[str, list[dict[str, str]]]:
    """The suite's checks by scenario."""
    with tempfile.TemporaryDirectory() as out:
        asked = ["server", "--url", address, "--suite", "all", "--spec-version", revision, "-o", out]
        done = run([*CONFORMANCE, *asked], Path(out))
        found = {_scenario(path): json.loads(path.read_text()) for path in Path(out).glob("*/checks.json")}
    if not FIXTURE_FREE & found.keys():
        raise SystemExit(f"The conformance suite wrote no results that we know:\n{done.stdout}{done.stderr}")
    return found


def _scenario(checks: Path) -> str:
    """`server-ping-2026-01-01T00-00-00-000Z/checks.json` is `ping`: a prefix, the name, a time of six parts."""
    return checks.parent.name.removeprefix("server-").rsplit("-", 6)[0]
