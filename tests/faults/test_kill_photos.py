"""Kill -9 at every step of preparing photos and of generating images: at most one paid request, no id lost.

A child is killed at its Nth call of one system call, for every N until it survives. Then all leases expire, the
program restarts, and the same call is made twice more: there is at most one paid request, and an accepted id is in
the ledger or its row is unconfirmed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import Queue
from typing import Any

import anyio
import pytest

from ..studio.stepped_clock import SteppedClock
from . import photo_jobs
from .child_process import ForkServer, Job, PaidService, strace_is_missing, whole
from .test_kill_at_every_step import Point, Worker, all_calls, calls_of_one_start, swept

REASON = strace_is_missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(REASON is not None, reason=REASON or ""),
    pytest.mark.no_coverage("coverage writes files, and their calls would be swept too"),
]

AFTER_ALL_LEASES = 1200.0
PAID_AT = {"prepare": "/ai-photo-upload", "generate": "/ai-photo-generate"}
IN_ANY_THREAD = (
    "pwrite64",
    "fdatasync",
    "fsync",
    "unlink",
    "mkdir",
    "mkdirat",
    "write",
    "rename",
    "renameat",
)
IN_THE_MAIN_THREAD = ("connect", "sendto", "recvfrom")
SAMPLED = {"pwrite64": 20, "fdatasync": 12, "fsync": 12, "write": 10, "sendto": 5, "recvfrom": 10}
"""The step between the swept calls in `make test`; how a ledger is written is swept for a training."""


@dataclass(frozen=True)
class Killed:
    """What happened at one point."""

    point: Point
    ended: int
    before: int
    arrived: int
    accepted: bool
    last: dict[str, Any]

    def broken_promises(self) -> Iterator[str]:
        """Describe every promise that this outcome breaks."""
        description = f"{self.point}: {self.last}, {self.before} before, {self.arrived} in all"
        if self.arrived > 1:
            yield f"{description}: paid twice"
        if self.last.get("state") not in ("finished", "unconfirmed"):
            yield f"{description}: unexpected end state"
        if self.last.get("state") == "finished" and self.last["task_id"] is None:
            yield f"{description}: without its id"
        if self.ended not in (0, -9):
            yield f"{description}: the child ended with {self.ended}"


class PhotoWorker(Worker):
    """A worker for one verb."""

    verb = "prepare"

    def job(self) -> Job:
        return replace(super().job(), verb=self.verb)

    def kill(self, point: Point) -> Killed:
        job = self.job()
        known = len(self.service.trainings())
        (end,) = self.fork_server.run(replace(job, strace=point.strace(self.folder / "trace")))
        sent = self.service.trainings()[known:]
        last = anyio.run(_call_twice_more, job)
        arrived = len(self.service.trainings()) - known
        return Killed(point, end["ended"], len(sent), arrived, any(map(whole, sent)), last)


async def _call_twice_more(job: Job) -> dict[str, Any]:
    verb = {"prepare": photo_jobs.prepare, "generate": photo_jobs.generate}[job.verb]
    clock = SteppedClock(time.time() + AFTER_ALL_LEASES)
    with anyio.fail_after(60):
        first = await verb(asdict(job), clock)
        second = await verb(asdict(job), clock)
    assert first == second
    return second


@pytest.fixture(params=PAID_AT)
def worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PhotoWorker]:
    with ExitStack() as stack:
        fork_server = stack.enter_context(ForkServer.open())
        service = stack.enter_context(PaidService.open(PAID_AT[request.param]))
        worker = PhotoWorker(fork_server, service, tmp_path)
        worker.verb = request.param
        yield worker


def _points(worker: PhotoWorker, *, all_calls: bool) -> list[Point]:
    free: Queue[Worker] = Queue()
    free.put(worker)
    return [
        Point(call, number, main_thread=main_thread)
        for calls, main_thread in ((IN_ANY_THREAD, False), (IN_THE_MAIN_THREAD, True))
        for call, made in calls_of_one_start(free, calls, main_thread=main_thread).items()
        for number in swept(made, 1 if all_calls else SAMPLED.get(call, 1))
    ]


@all_calls
def test_a_call_killed_at_any_step_is_paid_at_most_once_and_loses_no_accepted_id(
    worker: PhotoWorker, all_calls: bool
) -> None:
    outcomes = [worker.kill(point) for point in _points(worker, all_calls=all_calls)]
    assert [promise for outcome in outcomes for promise in outcome.broken_promises()] == []
    killed = [outcome for outcome in outcomes if outcome.ended == -9]
    ends = Counter((outcome.before, outcome.last["state"]) for outcome in killed)
    assert len(killed) >= (40 if all_calls else 15)
    # The sweep must kill before, during and after the paid request.
    assert min(ends[0, "finished"], ends[1, "finished"], ends[1, "unconfirmed"]) > 0
    print(f"{worker.verb}: {len(killed)} kills: {dict(ends)}")
