"""What is said when a subject is forgotten: what would go, what went, and what remains where. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from apiframe_studio.api.provider import Terms
from apiframe_studio.deletions import DeletionReport
from apiframe_studio.forgetting import ErasureReport, Known
from apiframe_tools.wording.phrases import KIND_NAMES, pluralize


def describe_known(known: Known, subject: str, *, sandbox: bool) -> list[str]:
    """Return what would be removed, a line each."""
    where = "in the sandbox" if sandbox else "on this machine"
    lines = [] if known.is_named else [f"No subject {where} is called {subject}."]
    lines += [f"Left over from an interrupted run, to be removed: {path}" for path in known.leftovers]
    if known.kept_sets:
        names = f"{pluralize(len(known.kept_sets), 'set')} ({', '.join(known.kept_sets)})"
        lines.append(f"Prepared photos that wait on this machine, to be removed: {names}")
    if known.inbox_photos:
        lines.append(
            "Photos that were given to a card in the chat, to be removed, since nothing says whom they show: "
            f"{known.inbox_photos}"
        )
    if not known.rows:
        return lines
    kinds = Counter(row.kind for row in known.rows)
    records = ", ".join(pluralize(number, KIND_NAMES[kind]) for kind, number in kinds.items())
    lines += [
        f"Data about {subject} {where}, to be removed:",
        f"  name, texts and fingerprints of {records}",
    ]
    folders = Counter(Path(image.path).parent for image in known.saved)
    lines += [f"  {pluralize(number, 'image')} in {folder}" for folder, number in folders.items()]
    if known.to_delete:
        models = pluralize(known.to_delete, "trained model")
        lines.append(f"  {models} at Apiframe, to be deleted there; they cannot be restored")
    lines.append("The ledger keeps the amounts and dates of payments, without a name.")
    if known.unsettled:
        lines.append(f"Still unsettled: {known.unsettled}. Their outcome will no longer be reported here.")
    return lines


def describe_erasure(
    erased: ErasureReport, deleted: DeletionReport, damaged: Sequence[Path], terms: Terms, *, sandbox: bool
) -> list[str]:
    """Return what was removed, and what remains where, a line each. `damaged` are ledgers that were set aside."""
    is_there = erased.records or deleted.deleted or deleted.left
    return [
        *_describe_removed(erased),
        *_describe_deleted(deleted),
        *([describe_what_remains(terms)] if terms.can_delete and is_there else []),
        *(f"Could not be removed; remove it by hand: {path}" for path in erased.not_removed),
        *(
            f"A damaged ledger may still contain the name; check it, then remove it by hand: {path}"
            for path in damaged
        ),
        *([] if sandbox else _describe_still_there(erased.still_at_the_service)),
    ]


def describe_what_remains(terms: Terms) -> str:
    """Return what the service keeps of a training that was deleted there, and who removes it."""
    return (
        "Apiframe keeps a record of each training, with gender, ethnicity and age, and generated images stay on "
        f"public links for up to {terms.image_link_days} days. For complete erasure, write to {terms.support}."
    )


def _describe_removed(erased: ErasureReport) -> list[str]:
    lines: list[str] = []
    if erased.leftovers:
        lines.append(f"Removed {pluralize(erased.leftovers, 'path')} left over from an interrupted run.")
    if erased.kept_sets:
        lines.append(f"Removed the photos of {pluralize(erased.kept_sets, 'prepared set')}.")
    if erased.inbox_photos:
        lines.append(f"Removed photos that were given to a card in the chat: {erased.inbox_photos}.")
    if erased.records:
        records, images = pluralize(erased.records, "record"), pluralize(erased.images, "image")
        lines.append(f"Removed the name, texts and fingerprints from {records}, and {images}.")
    return lines


def _describe_deleted(report: DeletionReport) -> list[str]:
    lines = [f"Deleted {pluralize(report.deleted, 'trained model')} at Apiframe."] if report.deleted else []
    if report.left:
        number = pluralize(len(report.left), "training")
        lines.append(
            f"Not deleted at Apiframe yet: {number}. This is tried again at each start of the server with a key that "
            "reaches them; what is still being trained can be deleted only afterwards:"
        )
    return [*lines, *(f"  {row.task_id or row.ref}" for row in report.left)]


def _describe_still_there(task_ids: Sequence[str]) -> list[str]:
    if not task_ids:
        return []
    said = "Apiframe has no API call to delete these and still stores them; ask its support to remove them:"
    return [said, *(f"  {task_id}" for task_id in task_ids)]
