"""Looks that come together share requests, without a task of their own: the callers carry them.

A seat is one id that somebody asks about; a flight is one request with up to 20 seats. As with Nagle's
algorithm a look flies at once when no flight is in the air; else seats gather until 20 are waiting, the
last flight has landed, or 20 ms have passed. Whoever finds that it is time flies for everybody who waits.
Nothing outlives its callers: when the one who carries a flight is cancelled, the others fly again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy

import anyio

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.models import Task

Outcome = Task | ApiframeError
Fetch = Callable[[str], Awaitable[Task]]
FetchMany = Callable[[Sequence[str]], Awaitable[Mapping[str, Outcome]]]

SEATS = 20
GATHERING_SECONDS = 0.02


class _Seat:
    """One id and everyone who asks about it."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        self.since = anyio.current_time()
        self.askers = 0
        self.outcome: Outcome | None = None
        self._bell = anyio.Event()

    async def bell(self) -> None:
        """Wait until there is news: an outcome, or perhaps a turn to fly."""
        await self._bell.wait()

    def ring(self) -> None:
        self._bell.set()
        self._bell = anyio.Event()


class Looks:
    """Shares looks among whoever looks at the same time, in one event loop."""

    def __init__(self, fetch: Fetch, fetch_many: FetchMany) -> None:
        self._fetch = fetch
        self._fetch_many = fetch_many
        self._waiting: dict[str, _Seat] = {}
        self._flying: dict[str, _Seat] = {}
        self._flights = 0

    async def look(self, task_id: str) -> Task:
        """Return the task as a request tells that was sent for this look, or was in the air already.

        Raises:
            ApiframeError: what the service said about this id, or why it could not be asked.
        """
        seat = self._flying.get(task_id) or self._waiting.setdefault(task_id, _Seat(task_id))
        seat.askers += 1
        try:
            while (outcome := seat.outcome) is None:
                if self._is_time_for(seat):
                    await self._fly(seat)
                else:
                    await self._wait(seat)
            if isinstance(outcome, ApiframeError):
                # Each asker raises its own, or their tracebacks would grow into one another.
                raise copy(outcome)
            return outcome
        finally:
            seat.askers -= 1
            self._leave(seat)

    def _is_time_for(self, seat: _Seat) -> bool:
        if seat.task_id not in self._waiting:
            return False
        return not self._flights or len(self._waiting) >= SEATS or anyio.current_time() >= self._departure()

    def _departure(self) -> float:
        return next(iter(self._waiting.values())).since + GATHERING_SECONDS

    async def _wait(self, seat: _Seat) -> None:
        """Wait for news. The first in the queue also minds the clock, on behalf of all behind it."""
        if next(iter(self._waiting.values()), None) is not seat:
            await seat.bell()
            return
        with anyio.CancelScope(deadline=self._departure()):
            await seat.bell()

    async def _fly(self, pilot: _Seat) -> None:
        seats = self._board(pilot)
        try:
            outcomes = await self._ask([seat.task_id for seat in seats])
            for seat in seats:
                seat.outcome = outcomes[seat.task_id]
        finally:
            self._land(seats)

    def _board(self, pilot: _Seat) -> list[_Seat]:
        others = [seat for seat in self._waiting.values() if seat is not pilot]
        seats = [pilot, *others[: SEATS - 1]]
        for seat in seats:
            del self._waiting[seat.task_id]
            self._flying[seat.task_id] = seat
        self._flights += 1
        self._call_the_first()
        return seats

    async def _ask(self, ids: list[str]) -> Mapping[str, Outcome]:
        try:
            return {ids[0]: await self._fetch(ids[0])} if len(ids) == 1 else await self._fetch_many(ids)
        except ApiframeError as error:
            return dict.fromkeys(ids, error)

    def _land(self, seats: list[_Seat]) -> None:
        """End a flight. Seats without an outcome, their pilot was cancelled, go to the front of the queue."""
        self._flights -= 1
        for seat in seats:
            del self._flying[seat.task_id]
        back = {seat.task_id: seat for seat in seats if seat.outcome is None}
        self._waiting = back | self._waiting
        for seat in seats:
            seat.ring()
        self._call_the_first()

    def _leave(self, seat: _Seat) -> None:
        if not seat.askers and self._waiting.get(seat.task_id) is seat:
            del self._waiting[seat.task_id]
            self._call_the_first()

    def _call_the_first(self) -> None:
        """Wake whoever is first in the queue now: it minds the clock, and flies if it is time."""
        if first := next(iter(self._waiting.values()), None):
            first.ring()
