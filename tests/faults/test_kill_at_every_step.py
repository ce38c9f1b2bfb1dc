"""G1 and G2 under kill -9 and under a disk that fails, at every step of one start.

A child starts a training and dies, or meets an error, at its Nth call of one system call, for every N until
it survives. Then time passes, the program starts again on the same ledger, and the same call is made twice.
Whatever happened: the service got at most one paid request, and an accepted id is in the ledger or its row
says unconfirmed and is listed.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.ledger import LedgerError
from apiframe_studio.studio import Studio, StudioPlan
from apiframe_studio.submission import State
from apiframe_studio.training import Note, Training
from apiframe_studio.trainings import TrainingWish

from ..studio.stepped_clock import SteppedClock
from .nursery import (
    Errand,
    Nursery,
    PaidService,
    injected,
    strace_is_missing,
    through_the_server,
    whole,
)

REASON = strace_is_missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(REASON is not None, reason=REASON or "")]

KEY = SecretStr("v1-key-of-nobody-0123456789")
WORKERS = 3
AFTER_EVERY_LEASE = 120.0

OF_THE_LEDGER = ("pwrite64", "fdatasync", "fsync", "unlink", "write", "mkdir", "pread64", "fcntl", "openat")
OF_THE_NETWORK = ("connect", "sendto", "recvfrom", "epoll_wait")


@dataclass(frozen=True)
class Point:
    """One fault at one step. Strace counts calls by thread, so those of the main thread are swept alone."""

    call: str
    number: int
    fault: str = "signal=KILL"
    lasts: bool = False
    main_thread: bool = False

    def strace(self, trace: Path) -> list[str]:
        when = f"{self.number}{'+' if self.lasts else ''}"
        inject = ["-e", f"trace={self.call}", "-e", f"inject={self.call}:{self.fault}:when={when}"]
        return [*([] if self.main_thread else ["-f"]), "-qq", "-o", str(trace), *inject]

    def __str__(self) -> str:
        return " ".join(self.strace(Path("trace"))[-3:])


@dataclass(frozen=True)
class Outcome:
    """What one point left behind."""

    point: Point
    ended: int
    said: dict[str, Any]
    injected: bool
    before: int
    arrived: int
    accepted: bool
    found: tuple[Training, Training] | None = None
    listed: tuple[Training, ...] = ()
    trouble: str = ""

    def broken_promises(self) -> Iterator[str]:
        """Every promise that this outcome breaks, in words."""
        if self.trouble or self.found is None:
            yield f"{self.point}: the restart failed: {self.trouble}"
            return
        if self.arrived > 1:
            yield f"{self.point}: {self.arrived} paid requests"
        last = self.found[1]
        if last.ref not in {training.ref for training in self.listed}:
            yield f"{self.point}: {last.ref} is not listed"
        known = last.task_id is not None and last.state in (State.QUEUED, State.PROCESSING)
        if not known and last.state is not State.UNCONFIRMED:
            yield f"{self.point}: ends as {last.state}"
        if self.ended not in (0, -9):
            yield f"{self.point}: the child ended with {self.ended}"


class Ward:
    """One nursery with a service of its own, where points are tried one after another."""

    def __init__(self, nursery: Nursery, service: PaidService, folder: Path) -> None:
        self.nursery = nursery
        self.service = service
        self.folder = folder
        self._born = 0

    def errand(self) -> Errand:
        self._born += 1
        ledger = self.folder / str(self._born) / "ledger.sqlite3"
        return Errand(str(ledger), self.service.base_url, f"images-{self.folder.name}-{self._born}")

    def run(self, point: Point) -> Outcome:
        """Try one point, restart, and re-issue the call twice."""
        errand = self.errand()
        trace = self.folder / f"{self._born}.trace"
        known = len(self.service.trainings())
        (end,) = self.nursery.run(replace(errand, strace=point.strace(trace)))
        sent = self.service.trainings()[known:]
        accepted = any(whole(request) for request in sent)
        said = end["said"][-1] if end["said"] else {}
        outcome = Outcome(point, end["ended"], said, injected(trace), len(sent), len(sent), accepted)
        return self._restarted(errand, outcome, known)

    def _restarted(self, errand: Errand, outcome: Outcome, known: int) -> Outcome:
        try:
            found, listed = anyio.run(_reissue_twice, errand)
        except (LedgerError, TimeoutError) as error:
            return replace(outcome, trouble=repr(error))
        arrived = self.service.trainings()[known:]
        return replace(outcome, found=found, listed=listed, arrived=len(arrived))


async def _reissue_twice(errand: Errand) -> tuple[tuple[Training, Training], tuple[Training, ...]]:
    """Restart when every lease has run out; make the call twice; list what there is."""
    clock = SteppedClock(time.time() + AFTER_EVERY_LEASE)
    studio = Studio(StudioPlan(Path(errand.ledger), errand.base_url, KEY), clock)
    wish = TrainingWish(errand.photos, "TOKSIS")
    with anyio.fail_after(10):
        first = await studio.trainings.start(wish)
        second = await studio.trainings.start(wish)
        listed = await studio.trainings.list()
        await studio.aclose()
    return (first, second), tuple(listed.trainings)


@pytest.fixture
def wards(tmp_path: Path) -> Iterator[Queue[Ward]]:
    with ExitStack() as open_until_the_end:
        free: Queue[Ward] = Queue()
        for number in range(WORKERS):
            folder = tmp_path / f"ward-{number}"
            folder.mkdir()
            nursery = open_until_the_end.enter_context(Nursery.open())
            free.put(Ward(nursery, open_until_the_end.enter_context(PaidService.open()), folder))
        yield free


def sweep(wards: Queue[Ward], points: Sequence[Point]) -> list[Outcome]:
    """Try every point, a few at a time."""

    def one(point: Point) -> Outcome:
        ward = wards.get()
        try:
            return ward.run(point)
        finally:
            wards.put(ward)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, points))


def calls_of_one_start(wards: Queue[Ward], calls: Sequence[str], *, main_thread: bool) -> Counter[str]:
    """How often each system call is made by the thread that makes it most, when nothing fails."""
    ward = wards.get()
    errand, trace = ward.errand(), ward.folder / "calls"
    follow = [] if main_thread else ["-f"]
    watch = [*follow, "-qq", "-o", str(trace), "-e", f"trace={','.join(calls)}"]
    (end,) = ward.nursery.run(replace(errand, strace=watch))
    assert end["ended"] == 0, end
    wards.put(ward)
    made: Counter[tuple[str, str]] = Counter()
    for line in trace.read_text().splitlines():
        thread, call = line.split(maxsplit=1) if not main_thread else ("", line)
        if "resumed>" not in call and "(" in call:
            made[thread, call.split("(")[0]] += 1
    return Counter({call: max(n for (_, name), n in made.items() if name == call) for _, call in made})


def promises_kept(outcomes: Sequence[Outcome]) -> None:
    broken = [words for outcome in outcomes for words in outcome.broken_promises()]
    assert broken == []


def test_killed_at_every_step_a_start_is_paid_at_most_once_and_no_accepted_id_is_lost(
    wards: Queue[Ward],
) -> None:
    counted = [
        (calls_of_one_start(wards, OF_THE_LEDGER, main_thread=False), False),
        (calls_of_one_start(wards, OF_THE_NETWORK, main_thread=True), True),
    ]
    # Two steps more than were counted: there the child has to survive, or there was more to sweep.
    points = [
        Point(call, number, main_thread=main_thread)
        for counts, main_thread in counted
        for call, made in counts.items()
        for number in range(1, made + 3)
    ]
    outcomes = sweep(wards, points)
    promises_kept(outcomes)
    killed = [outcome for outcome in outcomes if outcome.ended == -9]
    survived = {(outcome.point.call, outcome.point.main_thread) for outcome in outcomes if outcome.ended == 0}
    assert len(killed) >= 200
    assert survived >= {(call, main_thread) for counts, main_thread in counted for call in counts}
    # The sweep is of use only if it kills on both sides of the paid request, and between.
    ends = Counter((outcome.before, outcome.found[1].state) for outcome in killed if outcome.found)
    assert {state for _, state in ends} == {State.QUEUED, State.UNCONFIRMED}
    assert min(ends[0, State.QUEUED], ends[1, State.QUEUED], ends[1, State.UNCONFIRMED]) > 0
    print(f"{len(killed)} kills: {dict(ends)}")


def _every(call: str, fault: str, step: int = 1, *, lasts: bool = False) -> Callable[[int], list[Point]]:
    return lambda made: [Point(call, n, f"error={fault}", lasts) for n in range(1, made + 1, step)]


FAILING = {
    "a write without space": ("pwrite64", _every("pwrite64", "ENOSPC", 2)),
    "a disk that stays full": ("pwrite64", _every("pwrite64", "ENOSPC", 2, lasts=True)),
    "a write that fails": ("pwrite64", _every("pwrite64", "EIO", 3)),
    "a sync that fails": ("fdatasync", _every("fdatasync", "EIO")),
    "no sync works any more": ("fdatasync", _every("fdatasync", "EIO", lasts=True)),
    "a read that fails": ("pread64", _every("pread64", "EIO")),
    "no journal can be removed": ("unlink", _every("unlink", "EIO")),
    "no room to spool": ("write", _every("write", "ENOSPC")),
    "no folder can be made": ("mkdir", _every("mkdir", "ENOSPC")),
    "no file can be opened": ("openat", _every("openat", "ENOSPC")),
}


def test_a_disk_that_fails_at_any_step_costs_at_most_one_request_and_loses_no_id(wards: Queue[Ward]) -> None:
    calls = sorted({call for call, _ in FAILING.values()})
    made = calls_of_one_start(wards, calls, main_thread=False)
    points = [point for call, every in FAILING.values() for point in every(made[call])]
    outcomes = [outcome for outcome in sweep(wards, points) if outcome.injected]
    promises_kept(outcomes)
    for outcome in outcomes:
        disk_promises_kept(outcome)
    notes = Counter(note for outcome in outcomes for note in outcome.said.get("notes", ()))
    assert notes[Note.ID_NOT_IN_LEDGER] > 0
    print(f"{len(outcomes)} failures of a disk; {dict(notes)}")


def disk_promises_kept(outcome: Outcome) -> None:
    """Nothing was sent, or the caller holds the id and the ledger or its spool has it."""
    words = f"{outcome.point}: {outcome.said}"
    assert outcome.ended == 0, words
    assert outcome.before <= 1, words
    if not outcome.before:
        assert outcome.said.get("is_ledger", outcome.said.get("state") == State.SENDING), words
        return
    assert outcome.found is not None
    assert outcome.said.get("task_id") == outcome.found[1].task_id, words
    assert outcome.found[1].task_id is not None, words


SERVER_SWEEP = {
    "pwrite64": 4,
    "fdatasync": 2,
    "unlink": 1,
    "fsync": 1,
    "sendto": 1,
    "connect": 1,
    "recvfrom": 1,
    "write": 1,
}
"""Every how many-eth call of the whole server is a point."""


@pytest.fixture
def server_wards(tmp_path: Path) -> Iterator[Queue[Ward]]:
    with ExitStack() as open_until_the_end:
        free: Queue[Ward] = Queue()
        for number in range(WORKERS):
            folder = tmp_path / f"ward-{number}"
            folder.mkdir()
            nursery = open_until_the_end.enter_context(Nursery.open("--whole-server"))
            service = open_until_the_end.enter_context(PaidService.open())
            free.put(ServerWard(nursery, service, folder))
        yield free


class ServerWard(Ward):
    """The same for the whole server: the calls are made through the protocol, also after the restart."""

    def errand(self) -> Errand:
        plain = super().errand()
        return through_the_server(Path(plain.ledger), plain.base_url, plain.photos)

    def _restarted(self, errand: Errand, outcome: Outcome, known: int) -> Outcome:
        _let_leases_run_out(Path(errand.ledger))
        again = through_the_server(Path(errand.ledger), errand.base_url, errand.photos, calls=2)
        (end,) = self.nursery.run(again)
        results = [line["result"] for line in end["said"][1:]]
        if len(results) != 2 or any(result.get("isError") for result in results):
            return replace(outcome, trouble=str(end))
        return super()._restarted(errand, outcome, known)


def _let_leases_run_out(ledger: Path) -> None:
    if not ledger.exists():
        return
    with sqlite3.connect(ledger) as connection:
        if connection.execute("SELECT name FROM sqlite_master WHERE name = 'submissions'").fetchone():
            connection.execute("UPDATE submissions SET lease_until = 1 WHERE lease_until IS NOT NULL")
    connection.close()


def test_the_whole_server_killed_at_any_step_pays_at_most_once_and_loses_no_id(
    server_wards: Queue[Ward],
) -> None:
    points: list[Point] = []
    for main_thread in (False, True):
        counts = calls_of_one_start(server_wards, list(SERVER_SWEEP), main_thread=main_thread)
        points += [
            Point(call, number, main_thread=main_thread)
            for call, made in counts.items()
            if not main_thread or call in ("sendto", "connect", "recvfrom")
            for number in range(1, made + 1, SERVER_SWEEP[call])
        ]
    outcomes = sweep(server_wards, points)
    promises_kept(outcomes)
    killed = [outcome for outcome in outcomes if outcome.ended == -9]
    ends = Counter((outcome.before, outcome.found[1].state) for outcome in killed if outcome.found)
    assert len(killed) >= 60
    assert min(ends[0, State.QUEUED], ends[1, State.QUEUED], ends[1, State.UNCONFIRMED]) > 0
    print(f"{len(killed)} kills of the whole server: {dict(ends)}")
