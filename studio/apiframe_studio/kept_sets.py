"""Photo sets that wait on this machine until a training is started of them: their photos, and what the ledger has."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import partial
from typing import Final

from apiframe_studio.api.provider import Kind, Terms
from apiframe_studio.clock import Clock
from apiframe_studio.errors import PhotosNotKept, SetNotUsable
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.inbox import Inbox
from apiframe_studio.kept_photos import KeptPhotos, KeptSet
from apiframe_studio.ledger import Ledger, NewUpload, RecordedSet, Submission
from apiframe_studio.ledger.errors import LedgerError, LedgerUnusable
from apiframe_studio.ledger.states import State

SWEEP_SECONDS: Final = 3600.0
"""How long after a sweep the next one is due."""

log = logging.getLogger(__name__)


class KeptSets:
    """Keeps, finds and removes sets where photos are sent with the training.

    A set is returned as a `Submission` like that of an upload that is ready, which is not in the ledger: its ref is
    that of the set, also as `task_id`, and it cost nothing.
    """

    def __init__(self, photos: KeptPhotos, inbox: Inbox, ledger: Ledger, clock: Clock, terms: Terms) -> None:
        self._photos = photos
        self._inbox = inbox
        self._ledger = ledger
        self._clock = clock
        self._terms = terms
        self._next_sweep = -math.inf

    async def keep(
        self, new: NewUpload, photos: Sequence[bytes], *, gender: str, ethnicity: str, age: str | None
    ) -> tuple[Submission, bool]:
        """Record a set and keep its photos, or find it. Returns it and whether it is new.

        One that was damaged or has expired is kept again.

        Raises:
            LedgerError: it could not be recorded, or its photos could not be written.
        """
        await self.sweep()
        now = self._clock.now()
        ref = await self._ledger.record_set(new, now)
        known = await in_file_thread(self._find_intact, ref)
        is_new = known is None or known.expires_at <= now
        if known is None or is_new or (new.subject and known.subject is None):
            expires_at = (
                now + self._terms.set_lifetime_seconds if known is None or is_new else known.expires_at
            )
            write = partial(self._photos.keep, ref, photos, gender=gender, ethnicity=ethnicity, age=age)
            try:
                known = await in_file_thread(partial(write, expires_at=expires_at, subject=new.subject))
            except OSError as error:
                await self._ledger.drop_unused_sets([ref])
                why = error.strerror or "cannot be written"
                raise LedgerUnusable(self._photos.folder, why) from error
        return self._as_submission(await self._recorded(ref), known), is_new

    async def find(self, ref: str) -> Submission:
        """The set with this ref, whether or not its photos are still kept. Raises PhotosNotKept, LedgerError."""
        return self._as_submission(await self._recorded(ref), await in_file_thread(self._photos.find, ref))

    async def find_trainable(self, ref: str) -> Submission:
        """As `find`, for a set whose photos can be sent.

        Raises:
            SetNotUsable: it has expired, and no open request needs it.
            PhotosNotKept: its photos are gone or damaged.
        """
        recorded = await self._recorded(ref)
        kept = await in_file_thread(self._find_intact, ref)
        if kept is None:
            raise PhotosNotKept(ref)
        found = self._as_submission(recorded, kept)
        if kept.expires_at <= self._clock.now() and not await self._ledger.find_sets_in_use([ref]):
            raise SetNotUsable(found, expired=True)
        return found

    async def load(self, ref: str) -> tuple[KeptSet, Sequence[bytes]]:
        """What was said about the subject, and the photos (JPEG bytes). Raises PhotosNotKept."""
        return await in_file_thread(self._photos.load, ref)

    async def release(self, ref: str) -> None:
        """Remove the photos of a set that was trained, unless another request that is open needs them.

        What cannot be removed now is removed once the set expires.
        """
        if ref in await in_file_thread(self._photos.refs):
            await self._remove_unused([ref])

    async def sweep(self) -> None:
        """Remove expired sets, and expired photos in the inbox: at the first call, and then at most once an hour."""
        began = self._clock.monotonic()
        if began < self._next_sweep:
            return
        self._next_sweep = began + SWEEP_SECONDS
        await in_file_thread(self._inbox.remove_expired)
        if over := await in_file_thread(self._photos.find_expired, self._clock.now()):
            await self._remove_unused(over)

    async def _remove_unused(self, refs: Sequence[str]) -> None:
        try:
            in_use = await self._ledger.find_sets_in_use(refs)
            unused = [ref for ref in refs if ref not in in_use]
            for ref in unused:
                await in_file_thread(self._photos.remove, ref)
            await self._ledger.drop_unused_sets(unused)
        except LedgerError as error:
            log.warning("Prepared photos that are no longer needed were not all removed: %s", error)

    def _find_intact(self, ref: str) -> KeptSet | None:
        try:
            return self._photos.load(ref)[0]
        except PhotosNotKept:
            return None

    async def _recorded(self, ref: str) -> RecordedSet:
        recorded = await self._ledger.find_set(ref)
        if recorded is None:
            raise PhotosNotKept(ref)
        return recorded

    def _as_submission(self, recorded: RecordedSet, kept: KeptSet | None) -> Submission:
        return Submission(
            recorded.ref,
            Kind.UPLOAD,
            self._ledger.service,
            self._ledger.owner,
            None,
            kept.subject if kept else None,
            None,
            State.FINISHED,
            0,
            0.0,
            task_id=recorded.ref,
            estimated_credits=0.0,
            expires_at=kept.expires_at if kept else None,
            set_ref=recorded.ref,
            fingerprint=recorded.fingerprint,
            attributes_digest=recorded.attributes_digest,
            photo_count=recorded.photo_count,
            consent_at=recorded.consent_at,
        )
