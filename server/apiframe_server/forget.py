"""`apiframe-photo-mcp forget SUBJECT`: a person's names, words, fingerprints and pictures leave this machine."""

from __future__ import annotations

import sys

import anyio

from apiframe_server.composition import sandbox_of, studio_of
from apiframe_server.settings import Settings
from apiframe_studio.forgetting import Forgotten, forget_subject
from apiframe_studio.ledger import LedgerError
from apiframe_tools.results import counted
from apiframe_tools.troubles import explain


def forget(settings: Settings, subject: str) -> int:
    """Forget in the ledger of the service and in the sandbox's; returns the exit code."""
    try:
        found = anyio.run(_everywhere, settings, subject)
    except LedgerError as error:
        print(f"apiframe-photo-mcp: {explain(error)}", file=sys.stderr)
        return 1
    records, pictures = sum(one.records for one in found), sum(one.pictures for one in found)
    if not records:
        print("Nothing is known here about that name. list_trainings shows the names that are.")
        return 1
    removed = f"{counted(records, 'record')}, and {counted(pictures, 'picture')}"
    print(f"Removed the name, words and fingerprints from {removed}.")
    print("The ledger keeps what was spent and when, without a name.")
    _tell_the_rest(settings, found)
    return 0


async def _everywhere(settings: Settings, subject: str) -> list[Forgotten]:
    real, played = await _in_one(settings, subject, None), await _in_one(settings, subject, "")
    if played.still_at_the_service:
        stand_in = sandbox_of(settings)
        stand_in.forget(played.still_at_the_service)
        stand_in.close()
    return [real, played]


async def _in_one(settings: Settings, subject: str, sandbox: str | None) -> Forgotten:
    studio = studio_of(settings, sandbox=sandbox)
    if not studio.ledger.path.exists():
        return Forgotten(0, 0, ())
    try:
        return await forget_subject(subject, studio.ledger, studio.portfolio, studio.clock.now())
    finally:
        await studio.aclose()


def _tell_the_rest(settings: Settings, found: list[Forgotten]) -> None:
    for path in (path for one in found for path in one.left):
        print(f"Could not be removed, so remove it by hand: {path}")
    for damaged in sorted(settings.data_dir.glob("**/*.damaged-*")):
        print(f"A damaged ledger may still hold the name; look into it, then remove it by hand: {damaged}")
    if service := found[0].still_at_the_service:
        print(
            "Apiframe itself has no call to delete, and still holds these; ask their support to remove them:"
        )
        for task_id in service:
            print(f"  {task_id}")
