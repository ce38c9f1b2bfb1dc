"""`apiframe-photo-mcp forget SUBJECT`: a subject's names, words, fingerprints and images leave this machine."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from pathlib import Path

from apiframe_server.composition import build_studio, sandbox_of
from apiframe_server.problems import ExitCode
from apiframe_server.settings import Settings
from apiframe_server.terminal import KIND_WORDS, run_command
from apiframe_studio.forgetting import Forgotten, Known, forget_subject, look_up_subject
from apiframe_studio.studio import Studio
from apiframe_tools.wording.phrases import pluralize


def forget(settings: Settings, sandbox: str | None, *, subject: str, yes: bool) -> int:
    """Show what would go, ask, and forget it; returns the exit code, 2 when it cannot ask."""
    return run_command(partial(_forget, settings, sandbox, subject, yes))


async def _forget(settings: Settings, sandbox: str | None, subject: str, yes: bool) -> int:
    studio = build_studio(settings, sandbox=sandbox)
    try:
        known = await _look_up(studio, subject)
        if not (known.rows or known.left_over):
            _say_nothing_is_known(settings, studio)
            return ExitCode.NOT_FOUND
        _show(known, studio, subject)
        if not yes and (refused := _ask()):
            return refused
        forgotten = await forget_subject(subject, studio.ledger, studio.portfolio, studio.clock.now())
    finally:
        await studio.aclose()
    if studio.is_sandbox:
        _forget_in_sandbox(settings, forgotten)
    _tell_the_rest(studio, forgotten)
    return 0


async def _look_up(studio: Studio, subject: str) -> Known:
    if not studio.ledger.path.exists():  # A question leaves no ledger behind.
        return Known((), ())
    return await look_up_subject(subject, studio.ledger, studio.portfolio)


def _say_nothing_is_known(settings: Settings, studio: Studio) -> None:
    where = "in the sandbox" if studio.is_sandbox else "here"
    switch = " --sandbox" if studio.is_sandbox else ""
    print(
        f"Nothing is known {where} about that name. `apiframe-photo-mcp trainings{switch}` shows the names that are."
    )
    if not studio.is_sandbox and (settings.data_dir / "sandbox").exists():
        print("The sandbox was not looked into: --sandbox does that.")


def _show(known: Known, studio: Studio, subject: str) -> None:
    for path in known.left_over:
        print(f"This is left from before, and would be removed: {path}")
    if not known.rows:
        return
    kinds = Counter(row.kind for row in known.rows)
    records = ", ".join(pluralize(number, KIND_WORDS[kind]) for kind, number in kinds.items())
    where = "in the sandbox" if studio.is_sandbox else "on this machine"
    print(f"What is known {where} about {subject}, and would be removed:")
    print(f"  name, words and fingerprints of {records}")
    for folder, number in Counter(Path(picture.path).parent for picture in known.saved).items():
        print(f"  {pluralize(number, 'image')} in {folder}")
    print("The ledger keeps what was spent and when, without a name.")
    if known.unsettled:
        print(f"Not settled yet: {known.unsettled}. Their outcome will no longer be reported here.")


def _ask() -> int:
    """0 for yes; else why not, as an exit code."""
    if not sys.stdin.isatty():
        print(
            "Nothing was changed: stdin is not a terminal, so it cannot ask. Pass --yes to remove it.",
            file=sys.stderr,
        )
        return ExitCode.USAGE
    try:
        agreed = input("Remove it? This cannot be undone. [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        agreed = False
    if not agreed:
        print("Nothing was changed.")
    return ExitCode.DONE if agreed else ExitCode.NO


def _forget_in_sandbox(settings: Settings, forgotten: Forgotten) -> None:
    sandbox = sandbox_of(settings)
    sandbox.forget(forgotten.still_at_the_service)
    sandbox.close()


def _tell_what_was_removed(forgotten: Forgotten) -> None:
    removed = f"{pluralize(forgotten.records, 'record')}, and {pluralize(forgotten.pictures, 'image')}"
    print(f"Removed the name, words and fingerprints from {removed}.")


def _tell_the_rest(studio: Studio, forgotten: Forgotten) -> None:
    if forgotten.left_over:
        print(f"Removed what was left from before: {pluralize(forgotten.left_over, 'path')}.")
    if forgotten.records:
        _tell_what_was_removed(forgotten)
    for path in forgotten.left:
        print(f"Could not be removed, so remove it by hand: {path}")
    for damaged in sorted(studio.ledger.path.parent.glob("*.damaged-*")):
        print(f"A damaged ledger may still hold the name; look into it, then remove it by hand: {damaged}")
    if forgotten.still_at_the_service and not studio.is_sandbox:
        print(
            "Apiframe itself has no call to delete, and still holds these; ask their support to remove them:"
        )
        for task_id in forgotten.still_at_the_service:
            print(f"  {task_id}")
