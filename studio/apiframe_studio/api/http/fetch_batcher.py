"""Status checks that are made at the same time share requests, without a background task.

One batch is one request with up to `max_batch` ids. As with Nagle's algorithm, a check is sent at once when no request
is pending; otherwise ids are collected until so many wait, the last request has ended, or 20 ms have passed. The first
caller to notice that a batch is due sends it for all; when that caller is cancelled, another one sends the ids again.

Where one request shows every task, a burst of checks is worth waiting for: those that come after the first are
collected until none has come for 50 ms, for half a second at most.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any, Final, TypeAlias

import anyio
from anyio.lowlevel import checkpoint

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.provider import Outcome, TaskStatus

Fetch: TypeAlias = Callable[[str], Awaitable[TaskStatus]]
FetchMany: TypeAlias = Callable[[Sequence[str]], Awaitable[Mapping[str, Outcome]]]
FetchInto: TypeAlias = Callable[[str, dict[str, Outcome]], Coroutine[Any, Any, None]]
"""Adds what becomes of one id."""

BATCH_WINDOW_SECONDS: Final = 0.02
BURST_GAP_SECONDS: Final = 0.05
MAX_BURST_SECONDS: Final = 0.5


class _PendingFetch:
    """One id and every caller that waits for it."""

    def __init__(self, task_id: str, *, is_alone: bool) -> None:
        self.task_id = task_id
        self.is_alone = is_alone
        self.since = anyio.current_time()
        self.waiters = 0
        self.outcome: Outcome | None = None
        self.changed = anyio.Event()
        """Set when there is an outcome, or perhaps a turn to send."""

    def notify(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()


class FetchBatcher:
    """Shares requests among the callers of one event loop."""

    def __init__(
        self, fetch: Fetch, fetch_many: FetchMany, max_batch: int, *, collects_bursts: bool = False
    ) -> None:
        self._fetch = fetch
        self._fetch_many = fetch_many
        self._max_batch = max_batch
        self._collects_bursts = collects_bursts
        self._waiting: dict[str, _PendingFetch] = {}
        self._sent: dict[str, _PendingFetch] = {}
        self._batches_in_flight = 0

    def fetch_all(self, task_ids: Sequence[str]) -> Awaitable[dict[str, Outcome]]:
        """Return what becomes of each. Several share requests from the first on."""
        ids = dict.fromkeys(task_ids)
        return fetch_all(partial(self.fetch, is_one_of_many=len(ids) > 1), [*ids])

    async def fetch(
        self, task_id: str, outcomes: dict[str, Outcome], *, is_one_of_many: bool = False
    ) -> None:
        """Add to `outcomes` what a request returns that is sent for this call, or was in flight already.

        One of many is not sent before the others are collected.
        """
        is_alone = not self._batches_in_flight and not self._waiting
        pending = self._sent.get(task_id) or self._waiting.setdefault(
            task_id, _PendingFetch(task_id, is_alone=is_alone)
        )
        pending.waiters += 1
        try:
            if is_one_of_many:
                await checkpoint()
            while pending.outcome is None:
                if not self._is_due(pending):
                    await self._wait(pending)
                    continue
                with self._batch(pending) as batch:
                    ids = [one.task_id for one in batch]
                    alone = len(ids) == 1
                    received = {task_id: await self._fetch(task_id)} if alone else await self._fetch_many(ids)
                    for one in batch:
                        one.outcome = received[one.task_id]
            # Each waiter may raise it: of a shared error their tracebacks would grow into one another.
            outcomes[task_id] = copy(pending.outcome)
        finally:
            pending.waiters -= 1
            self._detach(pending)

    def _is_due(self, pending: _PendingFetch) -> bool:
        if pending.task_id not in self._waiting:
            return False
        full = len(self._waiting) >= self._max_batch
        at_once = pending.is_alone if self._collects_bursts else not self._batches_in_flight
        return at_once or full or anyio.current_time() >= self._flush_at()

    def _flush_at(self) -> float:
        first = next(iter(self._waiting.values())).since
        if not self._collects_bursts:
            return first + BATCH_WINDOW_SECONDS
        return min(
            next(reversed(self._waiting.values())).since + BURST_GAP_SECONDS, first + MAX_BURST_SECONDS
        )

    async def _wait(self, pending: _PendingFetch) -> None:
        """Wait for a change. The first in the queue also wakes up when the batch is due."""
        if next(iter(self._waiting.values()), None) is not pending:
            await pending.changed.wait()
            return
        with anyio.CancelScope(deadline=self._flush_at()):
            await pending.changed.wait()

    @contextmanager
    def _batch(self, leader: _PendingFetch) -> Generator[list[_PendingFetch]]:
        """Take a batch out of the queue while it is in flight. An ApiframeError becomes the outcome of all its ids.

        Ids without an outcome, because their leader was cancelled, go back to the front of the queue.
        """
        others = [one for one in self._waiting.values() if one is not leader]
        batch = [leader, *others[: self._max_batch - 1]]
        for one in batch:
            del self._waiting[one.task_id]
            self._sent[one.task_id] = one
        self._batches_in_flight += 1
        self._wake_first()
        try:
            yield batch
        except ApiframeError as error:
            for one in batch:
                one.outcome = error
        finally:
            self._batches_in_flight -= 1
            for one in batch:
                del self._sent[one.task_id]
            self._waiting = {one.task_id: one for one in batch if one.outcome is None} | self._waiting
            for one in batch:
                one.notify()
            self._wake_first()

    def _detach(self, pending: _PendingFetch) -> None:
        if not pending.waiters and self._waiting.get(pending.task_id) is pending:
            del self._waiting[pending.task_id]
            self._wake_first()

    def _wake_first(self) -> None:
        if first := next(iter(self._waiting.values()), None):
            first.notify()


async def fetch_all(fetch: FetchInto, task_ids: Sequence[str]) -> dict[str, Outcome]:
    """Check tasks at the same time, each once."""
    outcomes: dict[str, Outcome] = {}
    async with anyio.create_task_group() as group:
        for task_id in dict.fromkeys(task_ids):
            group.start_soon(fetch, task_id, outcomes)
    return outcomes


def into_outcomes(fetch: Fetch) -> FetchInto:
    """Return a function that adds what `fetch` returns or, of ApiframeError, raises."""

    async def fetch_into(task_id: str, outcomes: dict[str, Outcome]) -> None:
        try:
            outcomes[task_id] = await fetch(task_id)
        except ApiframeError as error:
            outcomes[task_id] = error

    return fetch_into
