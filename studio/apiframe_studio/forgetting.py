"""Forget a subject: remove names, texts, fingerprints and images, and keep what was spent without the name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apiframe_studio.api.select import terms_of_service
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.image_store import ImageStore
from apiframe_studio.inbox import Inbox
from apiframe_studio.kept_photos import KeptPhotos
from apiframe_studio.ledger import Kind, Ledger, SavedImage, Submission
from apiframe_studio.ledger.states import OPEN


@dataclass(frozen=True)
class ErasureReport:
    """What was removed from this machine, and what a service still stores that has no call to delete it."""

    records: int
    images: int
    still_at_the_service: Sequence[str]
    not_removed: Sequence[Path] = ()
    """Files that could not be removed."""
    leftovers: int = 0
    """Removed files and folders without a row, left by earlier processes."""
    kept_sets: int = 0
    """Removed sets of prepared photos that waited on this machine."""
    inbox_photos: int = 0
    """Removed photos that a card had taken."""


@dataclass(frozen=True)
class Known:
    """What this machine stores about a subject, and forgetting would remove."""

    rows: Sequence[Submission]
    saved: Sequence[SavedImage]
    """Images whose files exist."""
    leftovers: Sequence[Path] = ()
    """Files and folders without a row: left by a process that crashed after the subject was forgotten."""
    kept_sets: Sequence[str] = ()
    """Refs of the sets of prepared photos that wait on this machine."""
    inbox_photos: int = 0
    """Photos that a card has taken. Nothing says whom they show, so they go with any subject."""

    def __bool__(self) -> bool:
        return self.is_named or bool(self.inbox_photos)

    @property
    def is_named(self) -> bool:
        """Whether anything has the subject's name."""
        return bool(self.rows or self.leftovers or self.kept_sets)

    @property
    def to_delete(self) -> int:
        """How many trained models would be deleted at a service, where they cannot be restored."""
        trainings = (row for row in self.rows if row.kind is Kind.TRAINING and row.task_id)
        return sum(_deletes_at(row.service) for row in trainings)

    @property
    def unsettled(self) -> int:
        """How many are under way or unconfirmed: their outcome will not be known here."""
        return sum(row.state in OPEN for row in self.rows)


async def find_subject(subject: str, ledger: Ledger, image_store: ImageStore) -> Known:
    """Return what `forget_subject` would remove. Changes nothing, and creates no ledger. Raises LedgerError."""
    waiting = await in_file_thread(Inbox.beside(ledger.path).count)
    if not ledger.path.exists():
        return Known((), (), inbox_photos=waiting)
    rows, saved = await _records_of(subject, ledger)
    forgotten = await ledger.forgotten_generations()
    leftovers = await in_file_thread(image_store.find_leftovers, subject, forgotten)
    kept = await in_file_thread(_kept_sets_of, subject, rows, KeptPhotos.beside(ledger.path))
    return Known(rows, await image_store.find_on_disk(saved), leftovers, kept, waiting)


async def forget_subject(subject: str, ledger: Ledger, image_store: ImageStore, now: float) -> ErasureReport:
    """Remove everything about a subject from this machine, in every spelling of the name and for every service.
    Photos that a card has taken go too, even if nothing has that name.

    Trainings at a service that can delete them are marked for that: `deletions` deletes them there.

    Raises:
        LedgerError: the ledger could not be read or written.
    """
    rows, saved = await _records_of(subject, ledger)
    refs = [row.ref for row in rows]
    forgotten = await ledger.forgotten_generations()
    leftovers = await in_file_thread(image_store.find_leftovers, subject, forgotten)
    # Files first, so that after a crash the rows still say what to remove. Then again for work that was under way:
    # nothing more is saved for rows that are marked.
    await in_file_thread(image_store.remove, subject, [*refs, *forgotten], saved)
    late, late_saved = await ledger.forget_subject(subject, refs, now, _deletes_at)
    rows, saved = [*rows, *late], [*saved, *late_saved]
    left = await in_file_thread(image_store.remove, subject, [row.ref for row in rows], saved)
    # Rows that a call under way has added since.
    after, after_saved = await ledger.forget_subject(subject, (), now, _deletes_at)
    if after:
        rows, saved = [*rows, *after], [*saved, *after_saved]
        left = await in_file_thread(image_store.remove, subject, [row.ref for row in rows], saved)
    kept = KeptPhotos.beside(ledger.path)
    kept_sets = await in_file_thread(_kept_sets_of, subject, rows, kept)
    kept_left = [kept.folder / ref for ref in kept_sets if not await in_file_thread(kept.remove, ref)]
    await ledger.drop_unused_sets(kept_sets)
    inbox_photos, batches_left = await in_file_thread(Inbox.beside(ledger.path).clear)
    image_store.may_hold_forgotten = True
    remaining = await in_file_thread(image_store.find_leftovers, subject, forgotten)
    return ErasureReport(
        records=len(rows),
        images=sum(Path(image.path) not in left for image in saved),
        still_at_the_service=[row.task_id for row in rows if row.task_id and not _deletes_at(row.service)],
        not_removed=[*left, *kept_left, *batches_left],
        leftovers=len(set(leftovers) - set(remaining)),
        kept_sets=len(kept_sets) - len(kept_left),
        inbox_photos=inbox_photos,
    )


def _deletes_at(service: str) -> bool:
    terms = terms_of_service(service)
    return terms is not None and terms.can_delete


def _kept_sets_of(subject: str, rows: Sequence[Submission], kept: KeptPhotos) -> Sequence[str]:
    of_rows = {row.set_ref for row in rows}
    named = kept.find_of_subject(subject)
    return [ref for ref in kept.refs() if ref in of_rows or ref in named]


async def _records_of(subject: str, ledger: Ledger) -> tuple[Sequence[Submission], Sequence[SavedImage]]:
    rows = await ledger.find_related(subject)
    return rows, await ledger.images_of(*(row.ref for row in rows))
