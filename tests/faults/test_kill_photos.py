"""G1 and G2 under kill -9 at every step of preparing photos and of making pictures.

A child dies at its Nth call of one system call, for every N until it survives. Then every lease runs out, the
program starts again, and the same call is made twice: at most one paid request, and an accepted one is in the
ledger or its row says unconfirmed.
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
from . import photo_errands
from .nursery import Errand, Nursery, PaidService, strace_is_missing, whole
from .test_kill_at_every_step import Point, Ward, calls_of_one_start

REASON = strace_is_missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(REASON is not None, reason=REASON or "")]

AFTER_EVERY_LEASE = 1200.0
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
EVERY = {"pwrite64": 5, "fdatasync": 3, "fsync": 3, "write": 3}


@dataclass(frozen=True)
class Killed:
    """What one point left behind."""

    point: Point
    ended: int
    before: int
    arrived: int
    accepted: bool
    last: dict[str, Any]

    def broken_promises(self) -> Iterator[str]:
        """Every promise that this breaks, in words."""
        told = f"{self.point}: {self.last}, {self.before} before, {self.arrived} in all"
        if self.arrived > 1:
            yield f"{told}: paid twice"
        if self.last.get("state") not in ("finished", "unconfirmed"):
            yield f"{told}: ends nowhere"
        if self.last.get("state") == "finished" and self.last["task_id"] is None:
            yield f"{told}: without its id"
        if self.ended not in (0, -9):
            yield f"{told}: the child ended with {self.ended}"


class PhotoWard(Ward):
    """One nursery with a service of its own, for one verb."""

    verb = "prepare"

    def errand(self) -> Errand:
        return replace(super().errand(), verb=self.verb)

    def kill(self, point: Point) -> Killed:
        errand = self.errand()
        known = len(self.service.trainings())
        (end,) = self.nursery.run(replace(errand, strace=point.strace(self.folder / "trace")))
        sent = self.service.trainings()[known:]
        last = anyio.run(_again_and_again, errand)
        arrived = len(self.service.trainings()) - known
        return Killed(point, end["ended"], len(sent), arrived, any(map(whole, sent)), last)


async def _again_and_again(errand: Errand) -> dict[str, Any]:
    verb = {"prepare": photo_errands.prepare, "generate": photo_errands.generate}[errand.verb]
    clock = SteppedClock(time.time() + AFTER_EVERY_LEASE)
    with anyio.fail_after(10):
        first = await verb(asdict(errand), clock)
        second = await verb(asdict(errand), clock)
    assert first == second
    return second


@pytest.fixture(params=PAID_AT)
def ward(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PhotoWard]:
    with ExitStack() as open_until_the_end:
        nursery = open_until_the_end.enter_context(Nursery.open())
        service = open_until_the_end.enter_context(PaidService.open(PAID_AT[request.param]))
        ward = PhotoWard(nursery, service, tmp_path)
        ward.verb = request.param
        yield ward


def _points(ward: PhotoWard) -> list[Point]:
    free: Queue[Ward] = Queue()
    free.put(ward)
    return [
        Point(call, number, main_thread=main_thread)
        for calls, main_thread in ((IN_ANY_THREAD, False), (IN_THE_MAIN_THREAD, True))
        for call, made in calls_of_one_start(free, calls, main_thread=main_thread).items()
        for number in range(1, made + 2, EVERY.get(call, 1))
    ]


def test_killed_at_any_step_it_is_paid_at_most_once_and_no_accepted_id_is_lost(ward: PhotoWard) -> None:
    outcomes = [ward.kill(point) for point in _points(ward)]
    assert [words for outcome in outcomes for words in outcome.broken_promises()] == []
    killed = [outcome for outcome in outcomes if outcome.ended == -9]
    ends = Counter((outcome.before, outcome.last["state"]) for outcome in killed)
    assert len(killed) >= 40
    # Of use only if it kills on both sides of the paid request, and between.
    assert min(ends[0, "finished"], ends[1, "finished"], ends[1, "unconfirmed"]) > 0
    print(f"{ward.verb}: {len(killed)} kills: {dict(ends)}")
