"""Work that continues after its call: runs once at a time, is found by its key, and logs its errors."""

from __future__ import annotations

import logging

import anyio
import pytest

from apiframe_studio.jobs import Jobs


class Work:
    """Work that lasts until it is released and counts how often it was started."""

    def __init__(self, error: Exception | None = None) -> None:
        self.started = 0
        self.finished = 0
        self.release = anyio.Event()
        self._error = error

    async def __call__(self) -> None:
        self.started += 1
        await self.release.wait()
        if self._error:
            raise self._error
        self.finished += 1


async def test_a_call_returns_after_its_time_and_the_work_continues() -> None:
    work, jobs = Work(), Jobs()
    with anyio.fail_after(60):
        async with jobs:
            assert await jobs.run("up-1", work, 0.01) is False
            assert jobs.is_running("up-1")
            work.release.set()
            assert await jobs.run("up-1", work, 5) is True
    assert (work.started, work.finished) == (1, 1)
    assert not jobs.is_running("up-1")


async def test_calls_with_the_same_key_join_and_calls_with_another_key_do_not() -> None:
    work, other, jobs = Work(), Work(), Jobs()
    other.release.set()
    done: list[bool] = []

    async def join() -> None:
        done.append(await jobs.run("up-1", work, 5))

    with anyio.fail_after(60):
        async with jobs, anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(join)
            assert await jobs.run("up-2", other, 5)
            work.release.set()
    assert done == [True] * 5
    assert (work.started, other.started) == (1, 1)


async def test_work_in_the_background_is_started_once_and_only_while_jobs_can_run() -> None:
    work, jobs = Work(), Jobs()
    jobs.begin("follow", work)
    with anyio.fail_after(60):
        async with jobs:
            for _ in range(2):
                jobs.begin("follow", work)
            work.release.set()
            assert await jobs.run("follow", work, 5)
    assert (work.started, work.finished) == (1, 1)
    jobs.begin("follow", work)
    assert not jobs.is_running("follow")


async def test_cancelling_a_call_does_not_cancel_the_work() -> None:
    work, jobs = Work(), Jobs()
    with anyio.fail_after(60):
        async with jobs:
            with anyio.move_on_after(0.01) as scope:
                await jobs.run("up-1", work, 5)
            assert scope.cancelled_caught
            work.release.set()
            assert await jobs.run("up-1", work, 5)
    assert work.finished == 1


async def test_an_error_is_raised_in_the_waiting_call_and_the_next_call_starts_again() -> None:
    jobs = Jobs()
    work = Work(ValueError("once"))
    work.release.set()
    with anyio.fail_after(60):
        async with jobs:
            for _ in range(2):
                with pytest.raises(ValueError, match="once"):
                    await jobs.run("up-1", work, 5)
    assert work.started == 2


async def test_an_error_without_a_waiting_call_is_logged_and_ends_no_other_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    jobs, work, other = Jobs(), Work(ValueError("unseen")), Work()
    with anyio.fail_after(60), caplog.at_level(logging.WARNING):
        async with jobs:
            assert not await jobs.run("up-1", work, 0.01)
            assert not await jobs.run("up-2", other, 0.01)
            work.release.set()
            while jobs.is_running("up-1"):
                await anyio.lowlevel.checkpoint()
            assert jobs.is_running("up-2")
            other.release.set()
            assert await jobs.run("up-2", other, 5)
    assert "The job up-1 failed" in caplog.text


async def test_work_ends_with_the_program() -> None:
    work, jobs = Work(), Jobs()
    with anyio.fail_after(60):
        async with jobs:
            await jobs.run("up-1", work, 0.01)
    assert (work.started, work.finished) == (1, 0)
    assert not jobs.is_running("up-1")


async def test_without_a_running_program_the_work_is_done_within_the_call() -> None:
    work = Work()
    work.release.set()
    with anyio.fail_after(60):
        assert await Jobs().run("up-1", work, 0.0) is True
    assert work.finished == 1
