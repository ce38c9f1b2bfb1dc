"""Forgetting a person: names, words, fingerprints and pictures go; a money record without a name stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.ledger import Ledger
from apiframe_studio.portfolio import Portfolio


@dataclass(frozen=True)
class Forgotten:
    """What was removed here, and what the service still holds: it has no call to delete anything."""

    records: int
    pictures: int
    still_at_the_service: Sequence[str]
    left: Sequence[Path] = ()
    """Files that could not be removed."""


async def forget_subject(subject: str, ledger: Ledger, portfolio: Portfolio) -> Forgotten:
    """Remove everything about a subject from this machine, whatever the case of its letters.

    Raises:
        LedgerError: the ledger could not be read or written.
    """
    rows = await ledger.about_subject(subject)
    saved = [picture for row in rows for picture in await ledger.pictures_of(row.ref)]
    refs = [row.ref for row in rows]
    left = await in_file_thread(portfolio.remove, subject, refs, saved)
    await ledger.forget(refs)
    return Forgotten(
        records=len(rows),
        pictures=sum(Path(picture.path) not in left for picture in saved),
        still_at_the_service=[row.task_id for row in rows if row.task_id],
        left=left,
    )
