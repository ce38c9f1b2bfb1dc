"""Waits for a training: they share status checks, report every change and end at their limit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from apiframe_studio.ledger.states import State
from apiframe_studio.tracker import MAX_COUNTED, FruitlessWaits, Tracker
from apiframe_studio.training import Training

from .stepped_clock import HeldClock, SteppedClock

POLL = 5.0


class StatusChecks:
    """The status checks of a test: each returns the next training, the last one again and again."""

    def __init__(self, *trainings: Training) -> None:
        self.made = 0
        self._left: Iterator[Training] = iter(trainings)
        self._latest = Training(State.QUEUED)

    async def __call__(self) -> Training:
        self.made += 1
        await checkpoint()
        self._latest = next(self._left, self._latest)
        return self._latest


class Changes:
    """The changes that one wait reported."""

    def __init__(self) -> None:
        self.states: list[tuple[State, float | None]] = []

    async def __call__(self, training: Training) -> None:
        self.states.append((training.state, training.percentage))


class PollOnly:
    """Waits for trainings with the checks of a test; of the tracker it uses only what polls."""

    def __init__(self, clock: SteppedClock) -> None:
        # It takes no provider and no ledger to poll.
        self._tracker = Tracker(None, None, clock, poll_seconds=POLL)  # type: ignore[arg-type]

    def end(self) -> None:
        self._tracker.end_waits()

    async def wait(
        self,
        key: str,
        check: Callable[[], Awaitable[Training]],
        on_change: Callable[[Training], Awaitable[None]],
        seconds: float,
        *,
        cuts_off: bool = True,
    ) -> Training | None:
        return await self._tracker.wait_until(
            key,
            check,
            lambda training: not training.is_under_way,
            seconds,
            on_change,
            facts_of=lambda training: training.progress,
            cuts_off=cuts_off,
        )


def running(percentage: float, checked_at: float = 0.0) -> Training:
    return Training(State.PROCESSING, percentage=percentage, checked_at=checked_at)


FINISHED = Training(State.FINISHED, trigger_word="TOKIKD")


@asynccontextmanager
async def ticking(clock: HeldClock) -> AsyncIterator[None]:
    """Move the clock whenever every task sleeps."""

    async def tick() -> None:
        while True:
            while not clock.sleepers:
                await checkpoint()
            await anyio.wait_all_tasks_blocked()
            clock.step(POLL)

    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        yield
        group.cancel_scope.cancel()


async def test_a_wait_reports_every_change_and_returns_the_last() -> None:
    clock, changes = HeldClock(), Changes()
    checks = StatusChecks(Training(State.QUEUED), running(10), running(10), running(60), FINISHED)
    with anyio.fail_after(60):
        async with ticking(clock):
            latest = await PollOnly(clock).wait("tr-1", checks, changes, 45)
    assert latest == FINISHED
    assert changes.states == [
        (State.QUEUED, None),
        (State.PROCESSING, 10),
        (State.PROCESSING, 60),
        (State.FINISHED, None),
    ]
    assert checks.made == 5
    assert all(0 < pause <= POLL for pause in clock.slept)


@pytest.mark.parametrize("state", [State.FINISHED, State.FAILED, State.UNCONFIRMED, State.ABANDONED])
async def test_a_settled_training_is_polled_once(state: State) -> None:
    checks = StatusChecks(Training(state))
    with anyio.fail_after(60):
        latest = await PollOnly(HeldClock()).wait("tr-1", checks, Changes(), 45)
    assert latest is not None
    assert latest.state is state
    assert checks.made == 1


async def test_a_thousand_waits_share_their_status_checks_and_all_get_every_change() -> None:
    clock, checks = HeldClock(), StatusChecks(running(10), running(50), FINISHED)
    waiting = PollOnly(clock)
    all_changes = [Changes() for _ in range(1_000)]
    with anyio.fail_after(60):
        async with ticking(clock), anyio.create_task_group() as group:
            for changes in all_changes:
                group.start_soon(waiting.wait, "tr-1", checks, changes, 45)
    assert checks.made == 3
    assert {tuple(changes.states) for changes in all_changes} == {
        ((State.PROCESSING, 10), (State.PROCESSING, 50), (State.FINISHED, None))
    }


async def test_when_the_polling_wait_is_cancelled_the_next_one_polls() -> None:
    clock, checks, changes = HeldClock(), StatusChecks(running(10), FINISHED), Changes()
    waiting = PollOnly(clock)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            async with anyio.create_task_group() as leaving:
                leaving.start_soon(waiting.wait, "tr-1", checks, Changes(), 45)
                await anyio.wait_all_tasks_blocked()
                group.start_soon(waiting.wait, "tr-1", checks, changes, 45)
                await anyio.wait_all_tasks_blocked()
                leaving.cancel_scope.cancel()
            await anyio.wait_all_tasks_blocked()
            assert clock.sleepers == 1
            clock.step(POLL)
    assert changes.states == [(State.PROCESSING, 10), (State.FINISHED, None)]


async def test_waits_may_be_cancelled_in_any_order() -> None:
    clock, checks, changes = HeldClock(), StatusChecks(running(10), FINISHED), Changes()
    waiting = PollOnly(clock)
    scopes = [anyio.CancelScope() for _ in range(20)]

    async def leave(scope: anyio.CancelScope) -> None:
        with scope:
            await waiting.wait("tr-1", checks, Changes(), 45)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for scope in scopes:
                group.start_soon(leave, scope)
            group.start_soon(waiting.wait, "tr-1", checks, changes, 45)
            for scope in scopes:
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
            await anyio.wait_all_tasks_blocked()
            clock.step(POLL)
    assert changes.states[-1] == (State.FINISHED, None)
    assert checks.made == 2


async def test_a_wait_stops_at_once_when_it_is_cancelled() -> None:
    clock = HeldClock()
    waiting = PollOnly(clock)
    with anyio.fail_after(60), anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(waiting.wait, "tr-1", StatusChecks(running(10)), Changes(), 45)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    assert clock.sleepers == 0


async def _hang() -> Training:
    await anyio.sleep_forever()
    raise AssertionError


async def test_the_time_limit_also_applies_to_a_status_check_that_hangs() -> None:
    with anyio.fail_after(60):
        assert await PollOnly(HeldClock()).wait("tr-1", _hang, Changes(), 0.02) is None
        assert await PollOnly(HeldClock()).wait(
            "tr-1", StatusChecks(running(10)), Changes(), 0.02
        ) == running(10)


@pytest.mark.parametrize("cuts_off", [True, False])
async def test_when_the_program_ends_every_wait_returns_what_is_known_at_once(cuts_off: bool) -> None:
    waiting, results, checks = PollOnly(HeldClock()), list[Training | None](), StatusChecks(running(10))

    async def wait() -> None:
        results.append(await waiting.wait("tr-1", checks, Changes(), 45, cuts_off=cuts_off))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            waiting.end()
        assert (results, checks.made) == ([running(10)] * 3, 1)
        await wait()
    assert (results[-1], checks.made) == (running(10), 2)


async def test_when_the_program_ends_a_check_that_hangs_is_cut_off() -> None:
    waiting = PollOnly(HeldClock())
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(waiting.wait, "tr-1", _hang, Changes(), 45)
            await anyio.wait_all_tasks_blocked()
            waiting.end()


async def test_a_time_limit_of_zero_checks_nothing() -> None:
    checks = StatusChecks(running(10))
    assert await PollOnly(HeldClock()).wait("tr-1", checks, Changes(), 0) is None


async def test_an_unchanged_status_is_not_reported_but_returned() -> None:
    clock, changes = HeldClock(), Changes()
    checks = StatusChecks(running(10, checked_at=1.0), running(10, checked_at=2.0))
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            results: list[Training | None] = []

            async def wait() -> None:
                results.append(await PollOnly(clock).wait("tr-1", checks, changes, 0.2))

            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            clock.step(POLL)
    assert results == [running(10, checked_at=2.0)]
    assert changes.states == [(State.PROCESSING, 10)]


def test_only_consecutive_waits_without_progress_are_counted() -> None:
    waits = FruitlessWaits()
    queued, running_10 = (State.QUEUED, None), (State.PROCESSING, 10.0)
    assert waits.count("tr-1", queued, running_10, began=0, now=45) == 0
    assert [waits.count("tr-1", None, running_10, began=10, now=50 + side) for side in range(3)] == [0, 0, 0]
    assert waits.count("tr-1", None, running_10, began=60, now=105) == 1
    assert waits.count("tr-2", queued, queued, began=60, now=105) == 1
    assert waits.count("tr-1", None, running_10, began=110, now=155) == 2
    assert waits.count("tr-1", None, (State.PROCESSING, 11.0), began=160, now=205) == 0


def test_the_number_of_counted_waits_is_bounded() -> None:
    waits = FruitlessWaits()
    for number in range(2 * MAX_COUNTED):
        waits.count(f"tr-{number}", None, (State.QUEUED, None), began=0, now=1)
    assert waits.count("tr-0", (State.QUEUED, 5.0), (State.QUEUED, None), began=2, now=3) == 0


async def test_an_error_of_a_status_check_is_raised_and_the_next_wait_checks_again() -> None:
    async def refused() -> Training:
        await checkpoint()
        raise LookupError

    waiting = PollOnly(HeldClock())
    with anyio.fail_after(60):
        for _ in range(2):
            with pytest.raises(LookupError):
                await waiting.wait("tr-1", refused, Changes(), 45)
        assert await waiting.wait("tr-1", StatusChecks(FINISHED), Changes(), 45) == FINISHED


async def test_without_cutting_off_one_check_is_made_however_short_the_time() -> None:
    checks = StatusChecks(running(10))
    with anyio.fail_after(60):
        assert await PollOnly(HeldClock()).wait("tr-1", checks, Changes(), 0, cuts_off=False) == running(10)
    assert checks.made == 1


async def test_the_limit_is_that_of_the_clock_and_the_last_check_is_at_its_end() -> None:
    clock, checks = SteppedClock(), StatusChecks(running(10), running(20), running(30))
    with anyio.fail_after(60):
        latest = await PollOnly(clock).wait("tr-1", checks, Changes(), 12, cuts_off=False)
    assert latest == running(30)
    assert checks.made == 4
    assert sum(clock.slept) == 12


async def test_without_facts_every_check_is_reported_to_every_wait_and_yet_made_once() -> None:
    clock, checks = HeldClock(), StatusChecks(running(10), running(10), FINISHED)
    tracker = Tracker(None, None, clock, poll_seconds=POLL)  # type: ignore[arg-type]
    both = Changes(), Changes()

    async def wait(changes: Changes) -> None:
        await tracker.wait_until(
            "up-1", checks, lambda training: not training.is_under_way, 45, on_change=changes
        )

    with anyio.fail_after(20):
        async with ticking(clock), anyio.create_task_group() as group:
            for changes in both:
                group.start_soon(wait, changes)
    assert checks.made == 3
    assert [len(changes.states) for changes in both] == [3, 3]


async def test_waits_for_different_things_do_not_share_their_checks() -> None:
    clock, one, other = HeldClock(), StatusChecks(FINISHED), StatusChecks(FINISHED)
    waiting = PollOnly(clock)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(waiting.wait, "tr-1", one, Changes(), 45)
            group.start_soon(waiting.wait, "tr-2", other, Changes(), 45)
    assert (one.made, other.made) == (1, 1)
