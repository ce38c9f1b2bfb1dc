"""Status checks made at the same time share requests, and none waits for a caller that left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from apiframe_studio.api.errors import ApiframeError, AuthenticationFailed, NotFound, OutcomeUnknown
from apiframe_studio.api.http import fetch_batcher
from apiframe_studio.api.http.fetch_batcher import BATCH_WINDOW_SECONDS, FetchBatcher
from apiframe_studio.api.provider import Outcome, TaskStatus


@pytest.fixture(autouse=True)
def _long_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the callers of one test may need longer than the window to ask."""
    monkeypatch.setattr(fetch_batcher, "BATCH_WINDOW_SECONDS", 60.0)


class Upstream:
    """A service that delays its responses until the test opens the gate."""

    def __init__(self, *, outcomes: dict[str, Outcome] | None = None, collects_bursts: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.gate = anyio.Event()
        self.outcomes = outcomes or {}
        self.batcher = FetchBatcher(self.fetch, self.fetch_many, 20, collects_bursts=collects_bursts)

    async def fetch(self, task_id: str) -> TaskStatus:
        outcome = (await self._answer([task_id]))[task_id]
        if isinstance(outcome, ApiframeError):
            raise outcome
        return outcome

    async def fetch_many(self, ids: Sequence[str]) -> dict[str, Outcome]:
        return await self._answer(list(ids))

    async def _answer(self, ids: list[str]) -> dict[str, Outcome]:
        self.batches.append(ids)
        await self.gate.wait()
        return {task_id: self.outcomes.get(task_id, TaskStatus(task_id=task_id)) for task_id in ids}


class Asker:
    """A caller that fetches a status and can be cancelled."""

    def __init__(self, look: Callable[[str, dict[str, Outcome]], Awaitable[None]], task_id: str) -> None:
        self.task_id = task_id
        self.outcomes: dict[str, Outcome] = {}
        self.scope = anyio.CancelScope()
        self._look = look

    async def ask(self) -> None:
        with self.scope:
            await self._look(self.task_id, self.outcomes)

    @property
    def result(self) -> Outcome | None:
        return self.outcomes.get(self.task_id)

    def got_its_own(self) -> bool:
        return isinstance(self.result, TaskStatus) and self.result.task_id == self.task_id


@asynccontextmanager
async def asking() -> AsyncIterator[TaskGroup]:
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            yield group


async def ask(group: TaskGroup, upstream: Upstream, *ids: str) -> list[Asker]:
    """Start one caller for each id, and return when all of them wait."""
    waiters = [Asker(upstream.batcher.fetch, task_id) for task_id in ids]
    for waiter in waiters:
        group.start_soon(waiter.ask)
    for _ in waiters:
        await checkpoint()
    return waiters


async def test_a_single_status_check_is_sent_at_once() -> None:
    upstream = Upstream()
    async with asking() as group:
        (waiter,) = await ask(group, upstream, "a")
        assert upstream.batches == [["a"]]
        upstream.gate.set()
    assert waiter.got_its_own()


async def test_status_checks_during_a_batch_share_the_next_batch() -> None:
    upstream = Upstream()
    async with asking() as group:
        waiters = await ask(group, upstream, "a", "b", "c")
        assert upstream.batches == [["a"]]
        upstream.gate.set()
    assert upstream.batches == [["a"], ["b", "c"]]
    assert all(waiter.got_its_own() for waiter in waiters)


@pytest.mark.parametrize("collects_bursts", [False, True])
async def test_the_status_checks_of_one_call_share_a_request_from_the_first_on(collects_bursts: bool) -> None:
    upstream = Upstream(collects_bursts=collects_bursts)
    upstream.gate.set()
    with anyio.fail_after(60):
        outcomes = await upstream.batcher.fetch_all(["a", "b", "a", "c"])
        assert await upstream.batcher.fetch_all(["d"])
    assert upstream.batches == [["a", "b", "c"], ["d"]]
    assert [*outcomes] == ["a", "b", "c"]


async def test_twenty_pending_status_checks_do_not_wait_for_the_running_batch() -> None:
    upstream = Upstream()
    async with asking() as group:
        await ask(group, upstream, "first", *(f"id-{number}" for number in range(20)))
        assert [len(batch) for batch in upstream.batches] == [1, 20]
        upstream.gate.set()


async def test_a_status_check_waits_at_most_20_ms_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_batcher, "BATCH_WINDOW_SECONDS", BATCH_WINDOW_SECONDS)
    upstream = Upstream()
    async with asking() as group:
        await ask(group, upstream, "a", "b", "c")
        began = anyio.current_time()
        while len(upstream.batches) < 2:
            await checkpoint()
        assert anyio.current_time() - began > BATCH_WINDOW_SECONDS / 2
        assert upstream.batches == [["a"], ["b", "c"]]
        upstream.gate.set()


@pytest.mark.parametrize(("gap", "at_most"), [(0.2, 60.0), (60.0, 0.2)])
async def test_a_burst_of_status_checks_is_collected_until_it_pauses_and_for_a_limited_time(
    gap: float, at_most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_batcher, "BURST_GAP_SECONDS", gap)
    monkeypatch.setattr(fetch_batcher, "MAX_BURST_SECONDS", at_most)
    upstream = Upstream(collects_bursts=True)
    async with asking() as group:
        waiters = await ask(group, upstream, "a", "b", "c")
        upstream.gate.set()
        waiters += await ask(group, upstream, "d", "e")
        assert upstream.batches == [["a"]]
    assert upstream.batches == [["a"], ["b", "c", "d", "e"]]
    assert all(waiter.got_its_own() for waiter in waiters)


async def test_a_hundred_concurrent_status_checks_are_at_most_ten_requests() -> None:
    upstream = Upstream()
    async with asking() as group:
        waiters = await ask(group, upstream, *(f"id-{number}" for number in range(100)))
        upstream.gate.set()
    assert len(upstream.batches) <= 10
    assert max(map(len, upstream.batches)) == 20
    assert all(waiter.got_its_own() for waiter in waiters)


async def test_many_status_checks_of_one_task_are_one_request_while_pending_and_running() -> None:
    upstream = Upstream()
    async with asking() as group:
        waiters = await ask(group, upstream, *["a"] * 50, *["b"] * 50)
        upstream.gate.set()
    assert upstream.batches == [["a"], ["b"]]
    assert all(waiter.got_its_own() for waiter in waiters)


async def test_a_status_check_after_a_batch_sends_a_new_request() -> None:
    upstream = Upstream()
    upstream.gate.set()
    with anyio.fail_after(60):
        await upstream.batcher.fetch("a", {})
        await upstream.batcher.fetch("a", {})
    assert upstream.batches == [["a"], ["a"]]


async def test_an_error_of_one_id_is_raised_only_for_its_callers() -> None:
    upstream = Upstream(outcomes={"bad": NotFound("no such task", status=404)})
    async with asking() as group:
        _, good, bad, worse = await ask(group, upstream, "first", "good", "bad", "bad")
        upstream.gate.set()
    assert good.got_its_own()
    assert isinstance(bad.result, NotFound)
    assert isinstance(worse.result, NotFound)
    assert bad.result is not worse.result


@pytest.mark.parametrize("error", [AuthenticationFailed(status=401), OutcomeUnknown("down", status=503)])
async def test_an_error_of_a_batch_is_raised_for_all_its_callers(error: ApiframeError) -> None:
    upstream = Upstream()

    async def refuse(_ids: Sequence[str]) -> dict[str, Outcome]:
        raise error

    batcher = FetchBatcher(upstream.fetch, refuse, 20)
    async with asking() as group:
        waiters = [Asker(batcher.fetch, task_id) for task_id in ("first", "a", "b")]
        for waiter in waiters:
            group.start_soon(waiter.ask)
        await wait_all_tasks_blocked()
        upstream.gate.set()
    assert [str(waiter.result) for waiter in waiters[1:]] == [str(error)] * 2


async def test_when_the_leader_of_a_batch_is_cancelled_another_caller_sends_it_at_once() -> None:
    upstream = Upstream()
    async with asking() as group:
        first, *_ = await ask(group, upstream, "a")
        others = await ask(group, upstream, "a", "b")
        first.scope.cancel()
        while len(upstream.batches) < 2:
            await checkpoint()
        assert first.result is None
        upstream.gate.set()
    assert upstream.batches == [["a"], ["a", "b"]]
    assert all(waiter.got_its_own() for waiter in others)


async def test_an_id_without_waiting_callers_is_not_sent() -> None:
    upstream = Upstream()
    async with asking() as group:
        first, second, third = await ask(group, upstream, "a", "b", "c")
        first.scope.cancel()
        second.scope.cancel()
        upstream.gate.set()
    assert upstream.batches == [["a"], ["c"]]
    assert third.got_its_own()


async def test_cancelling_takes_effect_at_once_for_leaders_and_followers() -> None:
    upstream = Upstream()
    async with asking() as group:
        waiters = await ask(group, upstream, "a", "b", "b")
        for waiter in waiters:
            waiter.scope.cancel()
    assert upstream.batches == [["a"]]


async def test_no_state_remains_after_callers_are_cancelled_in_any_order() -> None:
    for leaving in range(8):
        upstream = Upstream()
        async with asking() as group:
            waiters = await ask(group, upstream, "a", "b", "b", "c", "a", "d", "e", "f")
            waiters[leaving].scope.cancel()
            await wait_all_tasks_blocked()
            upstream.gate.set()
        assert all(waiter.got_its_own() for waiter in waiters if waiter is not waiters[leaving])
        upstream.gate = anyio.Event()
        async with asking() as group:
            await ask(group, upstream, "later")
            assert upstream.batches[-1] == ["later"], "a finished batch was still considered to be running"
            upstream.gate.set()


async def test_an_unexpected_error_is_raised_in_the_leader_and_the_next_batch_works() -> None:
    upstream = Upstream()

    async def stumble(_task_id: str) -> TaskStatus:
        raise ZeroDivisionError

    batcher = FetchBatcher(stumble, upstream.fetch_many, 20)
    with anyio.fail_after(60):
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await batcher.fetch("a", {})
