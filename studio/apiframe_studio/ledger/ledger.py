"""The ledger for asynchronous callers: one thread, one verb at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from apiframe_studio.api.provider import Terms
from apiframe_studio.api.select import DEFAULT_TERMS
from apiframe_studio.ledger.errors import LedgerBusy, LedgerDamaged
from apiframe_studio.ledger.records import (
    Answer,
    Kind,
    NewSubmission,
    Observation,
    RowPage,
    SavedImage,
    Scope,
    Submission,
)
from apiframe_studio.subjects import subject_key

if TYPE_CHECKING:
    from apiframe_studio.eta import ProgressHistory
    from apiframe_studio.ledger.states import Event, State
    from apiframe_studio.ledger.store import Store

_T = TypeVar("_T")


class Ledger:
    """What one owner did, kept in a file that several processes may share; new requests go to one service.

    Every method takes one transaction and is not abandoned when its caller is cancelled: what was begun
    is finished. See `store.Store` for what each verb does and raises.
    """

    def __init__(
        self, path: Path, *, service: str, owner: str = "local", terms: Terms = DEFAULT_TERMS
    ) -> None:
        self.path = path
        self.service = service
        self.owner = owner
        self._scope = Scope(owner, service)
        self._terms = terms
        self._store: Store | None = None
        self._one_at_a_time = anyio.CapacityLimiter(1)

    def can_reach(self, row: Submission) -> bool:
        """Whether a submission was made at the service that this studio sends to."""
        return row.service == self.service

    async def get_or_create(
        self,
        new: NewSubmission,
        now: float,
        service_now: float | None = None,
        cap: float | None = None,
        *,
        may_send: bool = True,
    ) -> tuple[Submission, bool]:
        """Remember a new intent, or find the one that already carries it (then the second value is False)."""
        return await self._do(
            lambda store: store.get_or_create(new, now, service_now, cap, may_send=may_send)
        )

    async def check_cap(self, new: NewSubmission, now: float, cap: float | None) -> None:
        """Raise SpendingCapReached where sending this would spend more than `cap` credits within 24 hours."""
        await self._do(lambda store: store.check_cap(new, now, cap))

    async def find_duplicate(
        self, new: NewSubmission, now: float, service_now: float | None = None
    ) -> Submission | None:
        """The submission that `get_or_create` would find, without remembering anything."""
        return await self._do(lambda store: store.find_duplicate(new, now, service_now))

    async def begin_sending(
        self, ref: str, now: float, lease_seconds: float, cap: float | None = None
    ) -> Submission | None:
        """INTENT -> SENDING, on disk before a byte leaves. None, or the other row, when another call was first."""
        return await self._do(lambda store: store.begin_sending(ref, now, lease_seconds, cap))

    async def record_response(
        self, row: Submission, event: Event, answer: Answer, now: float
    ) -> Submission | None:
        """Record what came back for the attempt that `row` stands for."""
        return await self._do(lambda store: store.record_response(row.ref, row.attempt, event, answer, now))

    async def spool(self, row: Submission, task_id: str, now: float) -> None:
        """Keep an accepted id beside a ledger that cannot be written."""
        await self._do(lambda store: store.spool(row.ref, row.attempt, task_id, now))

    async def record_status(self, ref: str, seen: Observation) -> Submission | None:
        """Record what a look said, when it changes something."""
        return await self._do(lambda store: store.record_status(ref, seen))

    async def mark_missing(self, ref: str, now: float) -> Submission | None:
        """Record that the service does not know the id, or that the links are gone."""
        return await self._do(lambda store: store.mark_missing(ref, now))

    async def resolve(self, ref: str, event: Event, task_id: str | None, now: float) -> Submission | None:
        """Record a person's decision. None when the row is not in a state it can be made for."""
        return await self._do(lambda store: store.resolve(ref, event, task_id, now))

    async def import_task(self, new: NewSubmission, task_id: str, now: float) -> tuple[Submission, bool]:
        """Remember a task that was made elsewhere, or find the one that has its id (then the second is False)."""
        return await self._do(lambda store: store.import_task(new, task_id, now))

    async def rename(self, ref: str, subject: str) -> Submission | None:
        """Give the subject of a submission a name, when it has none. Returns the row as it is now."""
        return await self._do(lambda store: store.rename(ref, subject))

    async def find_related(self, subject: str) -> Sequence[Submission]:
        """Every submission of a subject at any service, in whatever form the name is written."""
        return await self._do(lambda store: store.find_related(subject))

    async def forgotten_generations(self) -> Sequence[str]:
        """The refs of every generation whose subject was forgotten, at any service: no file may bear one."""
        return await self._do(lambda store: store.forgotten_generations())

    async def forget_subject(
        self, subject: str, refs: Sequence[str], now: float
    ) -> tuple[Sequence[Submission], Sequence[SavedImage]]:
        """Take everything personal out of these submissions, and of all else about the subject, which is returned."""
        return await self._do(lambda store: store.forget_subject(subject, refs, now))

    async def save_images(self, saved: Sequence[SavedImage]) -> Sequence[SavedImage]:
        """Remember pictures that are on this machine now. Returns those that may not stay: they are forgotten."""
        return await self._do(lambda store: store.save_images(saved))

    async def images_of(self, *refs: str) -> Sequence[SavedImage]:
        """The pictures of these generations, those of each in their order."""
        return await self._do(lambda store: store.images_of(*refs))

    async def find(self, name: str, now: float) -> Submission | None:
        """The newest submission with this ref or task_id."""
        return await self._do(lambda store: store.find(name, now))

    async def page(
        self,
        kind: Kind,
        now: float,
        *,
        here: bool = False,
        subject: str | None = None,
        states: Collection[State] | None = None,
        before: str | None = None,
        limit: int,
    ) -> RowPage:
        """At most `limit` submissions of one kind, newest first, older than the one called `before`."""
        key = subject_key(subject)
        if subject is not None and key is None:
            return RowPage((), 0)
        return await self._do(
            lambda store: store.page(
                kind,
                now,
                here=here,
                subject_key=key,
                states=states,
                before=before,
                limit=limit,
            )
        )

    async def unsettled(self, now: float) -> RowPage:
        """The submissions of any kind that are not settled, at most 50; see `read_unsettled`."""
        return await self._do(lambda store: store.unsettled(now))

    async def subjects(self, beginning: str, *, limit: int) -> Sequence[str]:
        """The names of subjects with a training that begin so, in alphabetical order."""
        return await self._do(lambda store: store.subjects(beginning, limit=limit))

    async def trainings_of_photos(self, fingerprint: str, now: float) -> Sequence[Submission]:
        """Every training of the photos with this fingerprint, whichever set it was made of, newest first."""
        return await self._do(lambda store: store.trainings_of_photos(fingerprint, now))

    async def history(self, ref: str) -> Sequence[Observation]:
        """Every observation of one submission that changed something, oldest first."""
        return await self._do(lambda store: store.history(ref))

    async def find_with_history(self, name: str, now: float) -> tuple[Submission, ProgressHistory] | None:
        """As `find`, with what is needed to estimate when it will be finished."""
        # A read takes 50 microseconds, a thread and back twice as long: as long as no verb is under way and
        # nobody holds the file, it is done here (docs/decisions/0004-the-ledger.md).
        if self._store is not None and not (self._store.is_copy or self._one_at_a_time.borrowed_tokens):
            with suppress(LedgerBusy, LedgerDamaged):
                return self._store.glance(name, now)
        return await self._do(lambda store: store.find_with_history(name, now))

    async def progress_history(self, row: Submission) -> ProgressHistory:
        """What is needed to estimate when a training will be finished."""
        return await self._do(lambda store: store.progress_history(row))

    async def check(self) -> None:
        """Open the ledger and do nothing: raises what is wrong with it."""
        await self._do(lambda _store: None)

    async def aclose(self) -> None:
        """Close the file. A later verb opens it again."""
        store, self._store = self._store, None
        if store is not None:
            await anyio.to_thread.run_sync(store.close, limiter=self._one_at_a_time)

    async def _do(self, verb: Callable[[Store], _T]) -> _T:
        return await anyio.to_thread.run_sync(self._done, verb, limiter=self._one_at_a_time)

    def _done(self, verb: Callable[[Store], _T]) -> _T:
        try:
            return verb(self._opened())
        except LedgerDamaged:
            if self._store is not None:
                # Met on the way, not at opening: opened again it is checked, and set aside.
                self._store.close()
                self._store = None
                self._opened(check=True)
            raise

    def _opened(self, *, check: bool = False) -> Store:
        if self._store is not None and self._store.is_copy:
            # The disk may have room again, and others may have written since.
            self._store.close()
            self._store = None
        if self._store is None:
            from apiframe_studio.ledger.store import Store

            self._store = Store(self.path, self._scope, terms=self._terms, check=check)
        return self._store
