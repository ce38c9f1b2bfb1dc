"""`apiframe-photo-mcp sandbox`: serve the sandbox on a local port."""

from __future__ import annotations

import sys
from functools import partial
from typing import Final, Literal

import anyio

from apiframe_server.composition import build_sandbox
from apiframe_server.problems import ExitCode, Problem, report
from apiframe_server.settings import Settings
from apiframe_studio.api.select import select_terms
from apiframe_studio.ledger.errors import LedgerError
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_V2_KEY
from apiframe_studio.sandbox.server import serve

_HINTS: Final = {
    "v1": f"Any key except wrong-key works, for example {SANDBOX_KEY}. Photo sets to train on: sandbox-person "
    "(trains well), sandbox-expired, sandbox-bad-photos.",
    "v2": f"Any key that begins with afk_ works, for example {SANDBOX_V2_KEY}. POST /sandbox/behaviour switches on "
    "failures and other odd cases.",
}


def serve_sandbox(settings: Settings, port: int, api: Literal["v1", "v2"]) -> int:
    """Serve until Ctrl-C; returns the exit code."""
    print(f"{_HINTS[api]} Press Ctrl-C to stop.", file=sys.stderr)
    try:
        sandbox = build_sandbox(settings, api)
    except LedgerError as error:
        from apiframe_server.terminal_errors import explain_to_user

        problem = explain_to_user(error, select_terms(settings.api_key, settings.api_version))
        if problem is None:
            raise
        return report(problem)
    try:
        anyio.run(partial(serve, "127.0.0.1", port, sandbox=sandbox))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        return report(
            Problem(ExitCode.LOCAL, f"port {port} cannot be used ({error.strerror}).", "Try --port 0.")
        )
    return 0
