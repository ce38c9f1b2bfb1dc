"""Work that outlives its call: at most once at a time, found again under its key, and never lost in silence."""

from __future__ import annotations

import logging

import anyio
import pytest

from apiframe_studio.background import Background


class Work:
    """Something that takes until it is let go, and counts how often it was begun."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.ended = 0
        self.let_go = anyio.Event()
        self._error = error

    async def __call__(self) -> None:
        self.begun += 1
        await self.let_go.wait()
        if self._error:
            raise self._error
        self.ended += 1


async def test_a_call_returns_when_its_time_is_up_and_the_work_goes_on() -> None:
    work, background = Work(), Background()
    with anyio.fail_after(20):
        async with background:
            assert await background.run("up-1", work, 0.01) is False
            assert background.is_running("up-1")
            work.let_go.set()
            assert await background.run("up-1", work, 5) is True
    assert (work.begun, work.ended) == (1, 1)
    assert not background.is_running("up-1")


async def test_calls_under_one_key_join_and_under_another_do_not() -> None:
    work, other, background = Work(), Work(), Background()
    other.let_go.set()
    done: list[bool] = []

    async def join() -> None:
        done.append(await background.run("up-1", work, 5))

    with anyio.fail_after(20):
        async with background, anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(join)
            assert await background.run("up-2", other, 5)
            work.let_go.set()
    assert done == [True] * 5
    assert (work.begun, other.begun) == (1, 1)


async def test_a_call_that_is_cancelled_does_not_cancel_the_work() -> None:
    work, background = Work(), Background()
    with anyio.fail_after(20):
        async with background:
            with anyio.move_on_after(0.01) as scope:
                await background.run("up-1", work, 5)
            assert scope.cancelled_caught
            work.let_go.set()
            assert await background.run("up-1", work, 5)
    assert work.ended == 1


async def test_an_error_reaches_everybody_who_waits_and_the_next_call_begins_anew() -> None:
    background = Background()
    work = Work(ValueError("once"))
    work.let_go.set()
    with anyio.fail_after(20):
        async with background:
            for _ in range(2):
                with pytest.raises(ValueError, match="once"):
                    await background.run("up-1", work, 5)
    assert work.begun == 2


async def test_an_error_that_nobody_waits_for_is_logged_and_ends_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    background, work, other = Background(), Work(ValueError("unseen")), Work()
    with anyio.fail_after(20), caplog.at_level(logging.WARNING):
        async with background:
            assert not await background.run("up-1", work, 0.01)
            assert not await background.run("up-2", other, 0.01)
            work.let_go.set()
            while background.is_running("up-1"):
                await anyio.lowlevel.checkpoint()
            assert background.is_running("up-2")
            other.let_go.set()
            assert await background.run("up-2", other, 5)
    assert "Nobody waited for up-1" in caplog.text


async def test_the_end_of_the_program_ends_the_work() -> None:
    work, background = Work(), Background()
    with anyio.fail_after(20):
        async with background:
            await background.run("up-1", work, 0.01)
    assert (work.begun, work.ended) == (1, 0)
    assert not background.is_running("up-1")


async def test_without_a_program_to_run_in_the_work_is_done_within_the_call() -> None:
    work = Work()
    work.let_go.set()
    with anyio.fail_after(20):
        assert await Background().run("up-1", work, 0.0) is True
    assert work.ended == 1
