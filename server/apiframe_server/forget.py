"""`apiframe-photo-mcp forget SUBJECT`: remove a subject's names, texts, fingerprints and images from this machine."""

from __future__ import annotations

import sys
from functools import partial

from apiframe_server.problems import ExitCode
from apiframe_server.settings import Settings
from apiframe_server.terminal import run_command
from apiframe_server.terminal_errors import list_command, sandbox_option
from apiframe_studio.places import SANDBOX_FOLDER
from apiframe_studio.studio import Studio
from apiframe_tools.wording.erasure import describe_erasure, describe_known


def forget(settings: Settings, sandbox: str | None, *, subject: str, yes: bool) -> int:
    """Show what would be removed, ask, and remove it; returns the exit code, 2 when it cannot ask."""
    return run_command(settings, sandbox, partial(_forget, settings, sandbox, subject, yes))


async def _forget(settings: Settings, sandbox: str | None, subject: str, yes: bool, studio: Studio) -> int:
    known = await studio.find_subject(subject)
    if not known:
        _print_nothing_found(settings, sandbox)
        return ExitCode.NOT_FOUND
    print(*describe_known(known, subject, sandbox=studio.is_sandbox), sep="\n")
    if not yes and (declined := _ask()):
        return declined
    erased, deleted = await studio.forget(subject)
    damaged = studio.ledger.find_damaged()
    print(*describe_erasure(erased, deleted, damaged, studio.terms, sandbox=studio.is_sandbox), sep="\n")
    return 0


def _print_nothing_found(settings: Settings, sandbox: str | None) -> None:
    where = "on this machine" if sandbox is None else "in the sandbox"
    print(f"No subject with that name {where}. {list_command(sandbox_option(sandbox))} lists the names.")
    if sandbox is None and (settings.data_dir / SANDBOX_FOLDER).exists():
        print("The sandbox was not searched; --sandbox does that.")


def _ask() -> int:
    """Return 0 when the user agrees, otherwise the exit code."""
    if not sys.stdin.isatty():
        print(
            "Nothing was removed: stdin is not a terminal, so there was no confirmation. Pass --yes to remove it.",
            file=sys.stderr,
        )
        return ExitCode.USAGE
    try:
        agreed = input("Remove it? This cannot be undone. [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        agreed = False
    if not agreed:
        print("Nothing was removed.")
    return ExitCode.DONE if agreed else ExitCode.NO
