"""The ledger for asynchronous callers: one thread, one verb at a time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import anyio
import anyio.to_thread

from apiframe_studio.api.provider import Terms
from apiframe_studio.ledger.errors import LedgerBusy, LedgerDamaged
from apiframe_studio.ledger.records import Answer, Scope, Submission
from apiframe_studio.ledger.states import UNDER_WAY, Event

if TYPE_CHECKING:
    from apiframe_studio.eta import ProgressHistory
    from apiframe_studio.ledger.store import Store

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _on_thread(
    verb_of: Callable[[Store], Callable[_P, _T]],
) -> Callable[Concatenate[Ledger, _P], Coroutine[Any, Any, _T]]:
    """Make a verb of the store a method that runs it on the ledger's thread."""

    async def verb(ledger: Ledger, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await ledger.run(lambda store: verb_of(store)(*args, **kwargs))

    return verb


class Ledger:
    """The requests of one owner, in a file that several processes may share. New requests go to one service.

    The verbs are those of `store.Store`, which says what each does and raises. Each is one transaction and is completed
    even if its caller is cancelled.
    """

    def __init__(self, path: Path, *, service: str, owner: str = "local", terms: Terms) -> None:
        self.path = path
        self.service = service
        self.owner = owner
        self.team_id: str | None = None
        """The team of the key, once the service has named it."""
        self.on_under_way: Callable[[Submission], None] = lambda _: None
        """Called with each submission that this process has recorded as accepted."""
        self._scope = Scope(owner, service)
        self._terms = terms
        self._store: Store | None = None
        self._one_at_a_time = anyio.CapacityLimiter(1)

    def can_reach(self, row: Submission) -> bool:
        """Whether the key reaches a submission: it was made at this service, and not for another team."""
        is_own = self.team_id is None or row.team_id in (None, self.team_id)
        return row.service == self.service and is_own

    def find_damaged(self) -> list[Path]:
        """Return the files of damaged ledgers that were set aside."""
        return sorted(self.path.parent.glob(f"{self.path.name}.damaged-*"))

    require_ready = _on_thread(lambda store: store.require_ready)
    get_or_create = _on_thread(lambda store: store.get_or_create)
    record_set = _on_thread(lambda store: store.record_set)
    find_set = _on_thread(lambda store: store.find_set)
    find_sets_in_use = _on_thread(lambda store: store.find_sets_in_use)
    drop_unused_sets = _on_thread(lambda store: store.drop_unused_sets)
    check_cap = _on_thread(lambda store: store.check_cap)
    find_duplicate = _on_thread(lambda store: store.find_duplicate)
    begin_sending = _on_thread(lambda store: store.begin_sending)
    begin_repeat = _on_thread(lambda store: store.begin_repeat)
    note_last_part = _on_thread(lambda store: store.note_last_part)
    note_absence = _on_thread(lambda store: store.note_absence)
    spent_since = _on_thread(lambda store: store.spent_since)
    installation = _on_thread(lambda store: store.installation)
    spool = _on_thread(lambda store: store.spool)
    record_status = _on_thread(lambda store: store.record_status)
    mark_missing = _on_thread(lambda store: store.mark_missing)
    import_task = _on_thread(lambda store: store.import_task)
    rename = _on_thread(lambda store: store.rename)
    find_related = _on_thread(lambda store: store.find_related)
    forgotten_generations = _on_thread(lambda store: store.forgotten_generations)
    forget_subject = _on_thread(lambda store: store.forget_subject)
    to_delete = _on_thread(lambda store: store.to_delete)
    mark_deleted = _on_thread(lambda store: store.mark_deleted)
    note_reported = _on_thread(lambda store: store.note_reported)
    unreported = _on_thread(lambda store: store.unreported)
    begin_round = _on_thread(lambda store: store.begin_round)
    save_images = _on_thread(lambda store: store.save_images)
    images_of = _on_thread(lambda store: store.images_of)
    find = _on_thread(lambda store: store.find)
    page = _on_thread(lambda store: store.page)
    unsettled = _on_thread(lambda store: store.unsettled)
    subjects = _on_thread(lambda store: store.subjects)
    trainings_of_photos = _on_thread(lambda store: store.trainings_of_photos)
    history = _on_thread(lambda store: store.history)
    progress_history = _on_thread(lambda store: store.progress_history)

    async def record_response(
        self, ref: str, attempt: int, event: Event, answer: Answer, now: float
    ) -> Submission | None:
        """See `Store.record_response`."""
        row = await self.run(lambda store: store.record_response(ref, attempt, event, answer, now))
        return self._announce(row)

    async def resolve(self, ref: str, event: Event, task_id: str | None, now: float) -> Submission | None:
        """See `Store.resolve`."""
        return self._announce(await self.run(lambda store: store.resolve(ref, event, task_id, now)))

    def _announce(self, row: Submission | None) -> Submission | None:
        if row is not None and row.state in UNDER_WAY:
            self.on_under_way(row)
        return row

    async def find_with_history(self, name: str, now: float) -> tuple[Submission, ProgressHistory] | None:
        """Like `find`, with what is needed to estimate the remaining time."""
        # A read takes 50 microseconds, a thread and back twice as long: while no verb runs and no process holds the
        # file, it is done here (docs/decisions/0004-the-ledger.md).
        if self._store is not None and not (self._store.is_copy or self._one_at_a_time.borrowed_tokens):
            with suppress(LedgerBusy, LedgerDamaged):
                return self._store.glance(name, now)
        return await self.run(lambda store: store.find_with_history(name, now))

    async def aclose(self) -> None:
        """Close the file. A later verb opens it again."""
        store, self._store = self._store, None
        if store is not None:
            await anyio.to_thread.run_sync(store.close, limiter=self._one_at_a_time)

    async def run(self, verb: Callable[[Store], _T]) -> _T:
        """Run a verb of the store on the ledger's one thread, after earlier ones."""
        return await anyio.to_thread.run_sync(self._done, verb, limiter=self._one_at_a_time)

    def _done(self, verb: Callable[[Store], _T]) -> _T:
        try:
            return verb(self._opened())
        except LedgerDamaged:
            if self._store is not None:
                # The damage was found after opening: reopening checks the file and sets it aside.
                self._store.close()
                self._store = None
                self._opened(check=True)
            raise

    def _opened(self, *, check: bool = False) -> Store:
        if self._store is not None and self._store.is_copy:
            # The disk may have free space again, and other processes may have written.
            self._store.close()
            self._store = None
        if self._store is None:
            from apiframe_studio.ledger.store import Store

            self._store = Store(self.path, self._scope, terms=self._terms, check=check)
        return self._store
