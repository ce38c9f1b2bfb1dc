"""Kill -9 at every step of a v2 training and of a v2 generation: accepted at most once, and the program finds out.

A child is killed at its Nth call of one system call, for every N until it survives. Then all leases expire, the program
restarts, and the same call is made a few more times, minutes apart. In every case the service accepted at most one
request, what it accepted is in the ledger with its id, and only a training whose last part may have left without being
accepted stays unconfirmed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import Queue
from typing import Any

import anyio
import pytest

from apiframe_studio.clock import Clock

from ..studio.stepped_clock import SteppedClock
from . import photo_jobs
from .child_process import ForkServer, Job, PaidService, strace_is_missing
from .fault_server import Recorded
from .team import Team
from .test_kill_at_every_step import Point, Worker, all_calls, calls_of_one_start, swept

REASON = strace_is_missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(REASON is not None, reason=REASON or ""),
    pytest.mark.no_coverage("coverage writes files, and their calls would be swept too"),
]

KEY = "afk_test-key-0123456789"
AFTER_ALL_LEASES = 1200.0
BETWEEN_CALLS = 100.0
CALLS = 3
PAID_AT = {"train_kept": "/v2/loras", "generate": "/v2/images/generate"}
VERBS: dict[str, Callable[[dict[str, Any], Clock], Awaitable[dict[str, Any]]]] = {
    "train_kept": photo_jobs.train_kept,
    "generate": photo_jobs.generate,
}
IN_ANY_THREAD = ("pwrite64", "fdatasync", "fsync", "unlink", "write", "rename")
IN_THE_MAIN_THREAD = ("connect", "sendto", "recvfrom", "epoll_wait")
SAMPLED = {
    "pwrite64": 24,
    "fdatasync": 16,
    "fsync": 12,
    "unlink": 3,
    "write": 10,
    "sendto": 4,
    "recvfrom": 4,
    "epoll_wait": 18,
}
"""The step between the swept calls in `make test`; `make test-kills` takes four times as many."""


@dataclass(frozen=True)
class Killed:
    """What happened at one point."""

    point: Point
    ended: int
    before: int
    accepted: tuple[str, ...]
    last: dict[str, Any]
    repeats: int

    @property
    def end(self) -> tuple[int, str]:
        """How many were accepted before the restart, and whether that is known or in doubt at the end."""
        state = str(self.last.get("state"))
        return self.before, "known" if state in ("queued", "finished") else state

    def broken_promises(self) -> Iterator[str]:
        """Describe every promise that this outcome breaks."""
        description = f"{self.point}: {self.last}, {self.before} before, {self.accepted} in all"
        if len(self.accepted) > 1:
            yield f"{description}: paid twice"
        if self.accepted and self.end[1] != "known":
            yield f"{description}: accepted, and the program did not find out"
        if self.accepted and self.last.get("task_id") != self.accepted[0]:
            yield f"{description}: without its id"
        if not self.accepted and self.end[1] != "unconfirmed":
            yield f"{description}: neither sent nor in doubt"
        if self.ended not in (0, -9):
            yield f"{description}: the child ended with {self.ended}"


class TeamWorker(Worker):
    """A worker for one verb, with a new team for every point."""

    verb = "train_kept"
    team = Team()

    def job(self) -> Job:
        self.team = Team()
        job = replace(super().job(), verb=self.verb, key=KEY)
        if self.verb != "train_kept":
            return job
        return replace(job, photos=anyio.run(photo_jobs.prepare, asdict(job))["ref"])

    def kill(self, point: Point) -> Killed:
        job = self.job()
        (end,) = self.fork_server.run(replace(job, strace=point.strace(self.folder / "trace")))
        self.service.trainings()  # Waits until the service is done with what has arrived.
        before = len(self.team.accepted)
        last = anyio.run(_call_again, job)
        return Killed(point, end["ended"], before, tuple(self.team.accepted), last, self.team.repeats)


async def _call_again(job: Job) -> dict[str, Any]:
    clock = SteppedClock(time.time() + AFTER_ALL_LEASES)
    last: dict[str, Any] = {}
    with anyio.fail_after(60):
        for _ in range(CALLS):
            last = await VERBS[job.verb](asdict(job), clock)
            clock.step(BETWEEN_CALLS)
    return last


@pytest.fixture(params=PAID_AT)
def worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TeamWorker]:
    with ExitStack() as stack:
        fork_server = stack.enter_context(ForkServer.open())
        workers: list[TeamWorker] = []

        def answer_to(recorded: Recorded) -> bytes:
            return workers[0].team.answer_to(recorded)

        service = stack.enter_context(PaidService.open(PAID_AT[request.param], answer_to))
        workers.append(TeamWorker(fork_server, service, tmp_path))
        workers[0].verb = request.param
        yield workers[0]


def _points(worker: TeamWorker, *, all_calls: bool) -> list[Point]:
    free: Queue[Worker] = Queue()
    free.put(worker)
    return [
        Point(call, number, main_thread=main_thread)
        for calls, main_thread in ((IN_ANY_THREAD, False), (IN_THE_MAIN_THREAD, True))
        for call, made in calls_of_one_start(free, calls, main_thread=main_thread).items()
        for number in swept(made, -(-SAMPLED.get(call, 1) // (4 if all_calls else 1)))
    ]


@all_calls
def test_a_killed_call_is_accepted_at_most_once_and_the_program_finds_out(
    worker: TeamWorker, all_calls: bool
) -> None:
    outcomes = [worker.kill(point) for point in _points(worker, all_calls=all_calls)]
    assert [promise for outcome in outcomes for promise in outcome.broken_promises()] == []
    killed = [outcome for outcome in outcomes if outcome.ended == -9]
    ends = Counter(outcome.end for outcome in killed)
    print(f"{worker.verb}: {len(killed)} kills: {dict(ends)}, {sum(one.repeats for one in killed)} repeats")
    assert len(killed) >= (100 if all_calls else 20)
    # The sweep must kill before and after the request was accepted.
    assert min(ends[0, "known"], ends[1, "known"]) > 0
