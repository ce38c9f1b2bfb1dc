"""Follow a task: check its status, record the response, and wait until it is done.

Of all who wait for the same thing the first one polls and the others wait for its results;
when it leaves, the next one takes over.
"""

from __future__ import annotations

import contextlib
import math
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

import anyio

from apiframe_studio.api.errors import ApiframeError, NotFound, Refused, is_unknown_task
from apiframe_studio.api.provider import Kind, Outcome, Provider, ProviderFactory, TaskStatus
from apiframe_studio.clock import Clock
from apiframe_studio.eta import ProgressHistory
from apiframe_studio.ledger import Ledger, Observation, Submission
from apiframe_studio.ledger.errors import LedgerError
from apiframe_studio.ledger.states import UNDER_WAY, State
from apiframe_studio.ledger.transitions import add_status, changes_row
from apiframe_studio.lookup import Lookup, Lookups

T = TypeVar("T")
Check = Callable[[], Awaitable[T]]

MAX_COUNTED: Final = 1_000


async def ignore(*_: object) -> None:
    """Report nothing: the callback of callers that want no progress."""


@dataclass(frozen=True)
class Checked:
    """A submission as it is after a status check.

    `task` is what the service returned: None where it was not asked, or does not know the id; then `unknown` is its
    error. `history` is that of a training that was checked and recorded.
    """

    row: Submission
    task: TaskStatus | None = None
    history: ProgressHistory | None = None
    unknown: Refused | None = None
    lookup: Lookup | None = None
    """What a listing showed of one with an unknown outcome."""
    elsewhere: bool = False
    """Whether it was made at another service or by another team, so that the key does not reach it."""
    not_recorded: LedgerError | None = None
    """Why what the service said could not be written; `row` has it nevertheless."""


@dataclass
class _Poll(Generic[T]):
    """What all who wait for the same thing share."""

    latest: T | None = None
    changes: int = 0
    users: int = 0
    is_led: bool = False
    waiting: deque[anyio.Event] = field(default_factory=deque[anyio.Event])

    def publish(self, result: T, facts_of: Callable[[T], object]) -> None:
        before, self.latest = self.latest, result
        # A result without a change wakes no one, but it is what the waits return.
        if before is not None and facts_of(before) == facts_of(result):
            return
        self.changes += 1
        self.wake_all()

    def wake_all(self) -> None:
        for woken in self.waiting:
            woken.set()

    def wake_next(self) -> None:
        if self.waiting and not self.is_led:
            self.waiting[0].set()

    async def wait_for_change(self) -> None:
        woken = anyio.Event()
        self.waiting.append(woken)
        try:
            await woken.wait()
        finally:
            self.waiting.remove(woken)
            if woken.is_set():
                self.wake_next()


class Tracker:
    """Checks submissions and waits for them, with polls shared by all who wait for the same one."""

    def __init__(
        self,
        provider: ProviderFactory,
        ledger: Ledger,
        clock: Clock,
        *,
        poll_seconds: float,
        can_find: bool = False,
        on_trained: Callable[[str], Awaitable[None]] = ignore,
    ) -> None:
        """`can_find`: whether listings of the service show what became of a training.

        `on_trained` is awaited with the ref of a photo set once a training of it is recorded as finished."""
        self._provider = provider
        self._on_trained = on_trained
        self._ledger = ledger
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._lookups = Lookups(ledger, clock, can_find=can_find)
        self._polls: dict[str, _Poll[Any]] = {}
        self._is_ending = False
        self._ended_early: set[anyio.CancelScope] = set()

    def end_waits(self) -> None:
        """End every wait as if its time were over, and every later one after its first check: the program ends."""
        self._is_ending = True
        for scope in tuple(self._ended_early):
            scope.cancel()
        for poll in self._polls.values():
            poll.wake_all()

    async def reload(self, row: Submission) -> Submission:
        """Read a row again: other calls and processes change it."""
        return await self._ledger.find(row.ref, self._clock.now()) or row

    async def check(self, row: Submission, history: ProgressHistory | None = None) -> Checked:
        """Check a task that may still change once, and record the response.

        A row that is being sent is read again instead. With the `history` that was read with the row, nothing is
        written unless something changed.

        Raises:
            ApiframeError: the service could not be asked.
        """
        if row.state is State.SENDING:
            return Checked(await self.reload(row))
        if not self._ledger.can_reach(row):
            return Checked(row, elsewhere=True)
        if self._lookups.can_look(row):
            return await self._look(row)
        lacks_word = row.kind is Kind.TRAINING and row.trigger_word is None and row.forgotten_at is None
        may_change = row.state in UNDER_WAY or (row.state is State.FINISHED and lacks_word)
        if not may_change or row.task_id is None:
            return Checked(row)
        provider = await self._provider()
        outcomes = await provider.status(row.kind, [row.task_id])
        return await self._record(row, outcomes.get(row.task_id), provider, history)

    async def check_together(self, rows: Sequence[Submission]) -> Sequence[Checked | ApiframeError]:
        """Check trainings that the service has accepted, by one request where it can show them all.

        Nothing is written unless something changed. Raises InvalidKey, InvalidBaseUrl.
        """
        provider = await self._provider()
        outcomes = await provider.status(Kind.TRAINING, [row.task_id for row in rows if row.task_id])
        checked: list[Checked | ApiframeError] = []
        for row in rows:
            try:
                outcome = outcomes.get(row.task_id or "")
                checked.append(await self._record(row, outcome, provider, ProgressHistory()))
            except ApiframeError as error:
                checked.append(error)
        return checked

    def is_awaited(self, ref: str) -> bool:
        """Whether a call waits for a submission: that call checks it, and reports what becomes of it."""
        return ref in self._polls

    async def _record(
        self,
        row: Submission,
        outcome: Outcome | None,
        provider: Provider,
        history: ProgressHistory | None,
    ) -> Checked:
        """Record what the service returned about a task; None when it said nothing."""
        task = outcome or NotFound()
        if isinstance(task, Refused) and is_unknown_task(task):
            if await self._is_of_another_team(row, provider):
                return Checked(row, elsewhere=True)
            missing = await self._ledger.mark_missing(row.ref, self._clock.now())
            return Checked(missing or row, unknown=task)
        if isinstance(task, ApiframeError):
            raise task
        if row.missing_since is not None and task.image_urls:
            # The mark may mean that these links do not work: only an image that is fetched removes it.
            return Checked(row, task)
        if task.is_expired and not task.image_urls:
            missing = await self._ledger.mark_missing(row.ref, self._clock.now())
            return Checked(missing or row, task, unknown=NotFound("The images have expired."))
        seen = observation_of(task, row.kind, self._clock.now())
        try:
            if history is None or changes_row(row, seen):
                before, row = row, await self._ledger.record_status(row.ref, seen) or row
                await self._release_set(before, row)
                if task.is_archived:
                    row = await self._ledger.mark_missing(row.ref, self._clock.now()) or row
                history = await self._ledger.progress_history(row) if row.kind is Kind.TRAINING else None
        except LedgerError as error:
            row = add_status(row, seen)
            return Checked(replace(row, checked_at=seen.at), task, not_recorded=error)
        return Checked(replace(row, checked_at=seen.at), task, history)

    async def _look(self, row: Submission) -> Checked:
        """Look for one with an unknown outcome; once it is found, what the listing showed of it is checked."""
        lookup = await self._lookups.look(await self._provider(), row)
        if lookup.row.task_id is None:
            return Checked(lookup.row, lookup=lookup)
        return replace(await self.check(lookup.row), lookup=lookup)

    async def _release_set(self, before: Submission, row: Submission) -> None:
        is_over = row.state is State.FINISHED and before.state in UNDER_WAY
        if is_over and row.kind is Kind.TRAINING and row.set_ref is not None:
            await self._on_trained(row.set_ref)

    async def _is_of_another_team(self, row: Submission, provider: Provider) -> bool:
        """Whether the service does not know a task because it belongs to another team than the key."""
        if row.team_id is not None and self._ledger.team_id is None:
            self._ledger.team_id = (await provider.account()).team_id
        return not self._ledger.can_reach(row)

    async def wait_until(
        self,
        key: str,
        check: Check[T],
        is_done: Callable[[T], bool],
        seconds: float = math.inf,
        on_change: Callable[[T], Awaitable[None]] = ignore,
        *,
        facts_of: Callable[[T], object] = lambda _: object(),
        poll_seconds: float | None = None,
        cuts_off: bool = False,
    ) -> T | None:
        """Check until `is_done` or until `seconds` are over; return the last result.

        All who wait with the same `key` share their checks, which must be alike. `on_change` is awaited for every
        result whose `facts_of` differ from those of the one before; by default all differ. `cuts_off` also ends a
        check that hangs, so that there may be no result (None).

        Raises:
            Whatever `check` raised for this caller.
        """
        poll: _Poll[T] = self._polls.setdefault(key, _Poll())
        poll.users += 1
        until = math.inf if cuts_off else self._clock.monotonic() + seconds
        reported = 0
        try:
            with self._cut_off(seconds) if cuts_off else contextlib.nullcontext():
                while True:
                    if poll.latest is not None and poll.changes != reported:
                        reported = poll.changes
                        await on_change(poll.latest)
                    is_over = reported and (self._is_ending or self._clock.monotonic() >= until)
                    if poll.latest is not None and reported and (is_over or is_done(poll.latest)):
                        break
                    if poll.is_led:
                        await poll.wait_for_change()
                    else:
                        await self._lead(poll, check, facts_of, until, poll_seconds or self._poll_seconds)
            return poll.latest
        finally:
            poll.users -= 1
            if not poll.users:
                del self._polls[key]

    @contextlib.contextmanager
    def _cut_off(self, seconds: float = math.inf) -> Generator[None]:
        with anyio.move_on_after(seconds) as scope:
            self._ended_early.add(scope)
            try:
                yield
            finally:
                self._ended_early.discard(scope)

    async def _lead(
        self,
        poll: _Poll[T],
        check: Check[T],
        facts_of: Callable[[T], object],
        until: float,
        poll_seconds: float,
    ) -> None:
        """Check for all until there is a change or the time is over, then let another one lead."""
        poll.is_led = True
        try:
            before = poll.changes
            while poll.changes == before:
                if poll.latest is not None:
                    now = self._clock.monotonic()
                    if now >= until or self._is_ending:
                        return
                    # All waits of this process poll on the same tick, so that their checks share requests.
                    with self._cut_off():
                        await self._clock.sleep(min(poll_seconds - now % poll_seconds, until - now))
                    if self._is_ending:
                        return
                poll.publish(await check(), facts_of)
        finally:
            poll.is_led = False
            poll.wake_next()


class FruitlessWaits:
    """Counts, for each task, the waits in a row that ended where the one before had. Bounded, in memory only."""

    def __init__(self) -> None:
        self._ended: OrderedDict[str, tuple[object, int, float]] = OrderedDict()

    def count(self, key: str, before: object, after: object, began: float, now: float) -> int:
        """Record a wait that ended at the progress `after`; return how many in a row brought none, with this one.

        `before` is the progress that was known when the first of them began, None for unknown. Times are those of
        the monotonic clock: waits that run side by side count as one.
        """
        last, waits, ended = self._ended.pop(key, (before, 0, began))
        if last != after:
            waits = 0
        elif began >= ended:
            waits += 1
        self._ended[key] = (after, waits, now)
        if len(self._ended) > MAX_COUNTED:
            self._ended.popitem(last=False)
        return waits


def observation_of(task: TaskStatus, kind: Kind, now: float) -> Observation:
    """What the service's status of a submission of this kind says about it. Pure.

    Only a set that is ready has an end. Images are finished when they are on this machine: those that the service
    has made are still under way here.
    """
    state = State(task.state.value)
    if kind is Kind.GENERATION and state is State.FINISHED:
        state = State.PROCESSING if task.image_urls else State.FAILED
    ends = task.expires_at if kind is Kind.UPLOAD and state is State.FINISHED else None
    is_training = kind is Kind.TRAINING
    return Observation(
        now,
        state,
        percentage=task.percentage if is_training else None,
        message=task.message,
        trigger_word=task.trigger_word if is_training else None,
        expires_at=ends.timestamp() if ends else None,
    )
