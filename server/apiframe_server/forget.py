"""`apiframe-photo-mcp forget SUBJECT`: remove a subject's names, texts, fingerprints and images from this machine."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from apiframe_server.composition import build_sandbox
from apiframe_server.problems import ExitCode
from apiframe_server.settings import Settings
from apiframe_server.terminal import run_command
from apiframe_server.terminal_errors import list_command, sandbox_option
from apiframe_studio.deletions import DeletionReport
from apiframe_studio.forgetting import ErasureReport, Known, find_subject, forget_subject
from apiframe_studio.studio import Studio
from apiframe_tools.wording.erasure import describe_what_remains
from apiframe_tools.wording.phrases import KIND_NAMES, pluralize


def forget(settings: Settings, sandbox: str | None, *, subject: str, yes: bool) -> int:
    """Show what would be removed, ask, and remove it; returns the exit code, 2 when it cannot ask."""
    return run_command(settings, sandbox, partial(_forget, settings, sandbox, subject, yes))


async def _forget(settings: Settings, sandbox: str | None, subject: str, yes: bool, studio: Studio) -> int:
    # Searching must not create the ledger.
    exists = studio.ledger.path.exists()
    known = await find_subject(subject, studio.ledger, studio.image_store) if exists else Known((), ())
    if not (known.rows or known.leftovers or known.kept_sets):
        _print_nothing_found(settings, sandbox)
        return ExitCode.NOT_FOUND
    _print_known(known, studio, subject)
    if not yes and (declined := _ask()):
        return declined
    forgotten = await forget_subject(subject, studio.ledger, studio.image_store, studio.clock.now())
    if studio.is_sandbox:
        sandbox_service = build_sandbox(settings)
        sandbox_service.forget(forgotten.still_at_the_service)
        sandbox_service.close()
    _print_removed(forgotten)
    _print_deleted(deleted := await studio.deletions.run())
    if studio.terms.can_delete and (forgotten.records or deleted.deleted or deleted.left):
        print(describe_what_remains(studio.terms))
    _print_not_removed(studio, forgotten)
    return 0


def _print_nothing_found(settings: Settings, sandbox: str | None) -> None:
    where = "on this machine" if sandbox is None else "in the sandbox"
    print(f"No subject with that name {where}. {list_command(sandbox_option(sandbox))} lists the names.")
    if sandbox is None and (settings.data_dir / "sandbox").exists():
        print("The sandbox was not searched; --sandbox does that.")


def _print_known(known: Known, studio: Studio, subject: str) -> None:
    for path in known.leftovers:
        print(f"Left over from an interrupted run, to be removed: {path}")
    if known.kept_sets:
        print(f"Prepared photos that wait on this machine, to be removed: {_name_sets(known.kept_sets)}")
    if not known.rows:
        return
    kinds = Counter(row.kind for row in known.rows)
    records = ", ".join(pluralize(number, KIND_NAMES[kind]) for kind, number in kinds.items())
    where = "in the sandbox" if studio.is_sandbox else "on this machine"
    print(f"Data about {subject} {where}, to be removed:")
    print(f"  name, texts and fingerprints of {records}")
    for folder, number in Counter(Path(image.path).parent for image in known.saved).items():
        print(f"  {pluralize(number, 'image')} in {folder}")
    if known.to_delete:
        models = pluralize(known.to_delete, "trained model")
        print(f"  {models} at Apiframe, to be deleted there; they cannot be restored")
    print("The ledger keeps the amounts and dates of payments, without a name.")
    if known.unsettled:
        print(f"Still unsettled: {known.unsettled}. Their outcome will no longer be reported here.")


def _name_sets(refs: Sequence[str]) -> str:
    return f"{pluralize(len(refs), 'set')} ({', '.join(refs)})"


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


def _print_removed(forgotten: ErasureReport) -> None:
    if forgotten.leftovers:
        print(f"Removed {pluralize(forgotten.leftovers, 'path')} left over from an interrupted run.")
    if forgotten.kept_sets:
        print(f"Removed the photos of {pluralize(forgotten.kept_sets, 'prepared set')}.")
    if forgotten.records:
        records, images = pluralize(forgotten.records, "record"), pluralize(forgotten.images, "image")
        print(f"Removed the name, texts and fingerprints from {records}, and {images}.")


def _print_deleted(report: DeletionReport) -> None:
    if report.deleted:
        print(f"Deleted {pluralize(report.deleted, 'trained model')} at Apiframe.")
    if report.left:
        number = pluralize(len(report.left), "training")
        print(
            f"Not deleted at Apiframe yet: {number}. This is tried again at each start of the server with a key that "
            "reaches them; what is still being trained can be deleted only afterwards:"
        )
        for row in report.left:
            print(f"  {row.task_id or row.ref}")


def _print_not_removed(studio: Studio, forgotten: ErasureReport) -> None:
    for path in forgotten.not_removed:
        print(f"Could not be removed; remove it by hand: {path}")
    for damaged in sorted(studio.ledger.path.parent.glob("*.damaged-*")):
        print(f"A damaged ledger may still contain the name; check it, then remove it by hand: {damaged}")
    if forgotten.still_at_the_service and not studio.is_sandbox:
        print(
            "Apiframe has no API call to delete these and still stores them; ask its support to remove them:"
        )
        for task_id in forgotten.still_at_the_service:
            print(f"  {task_id}")
