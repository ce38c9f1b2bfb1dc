"""Kill -9 and disk errors at every step of one start: at most one paid request, and no accepted id is lost.

A child starts a training and is killed, or gets an error, at its Nth call of one system call, for every N until it
survives (for some N in `make test`). Then all leases expire, the program restarts on the same ledger, and the same
call is made twice. In every case the service got at most one paid request, and an accepted id is in the ledger or its
row is listed as unconfirmed.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.ledger.errors import LedgerError
from apiframe_studio.ledger.states import State
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.training import Note, Training
from apiframe_studio.trainings import TrainingRequest

from ..studio.stepped_clock import SteppedClock
from .child_process import (
    ForkServer,
    Job,
    PaidService,
    injected,
    strace_is_missing,
    through_the_server,
    whole,
)

REASON = strace_is_missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(REASON is not None, reason=REASON or ""),
    pytest.mark.no_coverage("coverage writes files, and their calls would be swept too"),
]

KEY = SecretStr("v1-test-key-0123456789")
WORKERS = 3
AFTER_ALL_LEASES = 120.0

LEDGER_CALLS = ("pwrite64", "fdatasync", "fsync", "unlink", "write", "mkdir", "pread64", "fcntl", "openat")
NETWORK_CALLS = ("connect", "sendto", "recvfrom", "epoll_wait")

SAMPLED = {
    "pwrite64": 8,
    "fdatasync": 6,
    "openat": 12,
    "pread64": 16,
    "fcntl": 16,
    "epoll_wait": 12,
    "recvfrom": 6,
}
"""The step between the swept calls in `make test`; `make test-kills` sweeps every call."""
all_calls = pytest.mark.parametrize(
    "all_calls", [False, pytest.param(True, marks=pytest.mark.long)], ids=["sampled", "all calls"]
)


@dataclass(frozen=True)
class Point:
    """One fault at one step. strace counts calls per thread, so those of the main thread are swept separately."""

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
    """What happened at one point."""

    point: Point
    ended: int
    output: dict[str, Any]
    injected: bool
    before: int
    arrived: int
    accepted: bool
    found: tuple[Training, Training] | None = None
    listed: tuple[Training, ...] = ()
    restart_error: str = ""

    def broken_promises(self) -> Iterator[str]:
        """Describe every promise that this outcome breaks."""
        if self.restart_error or self.found is None:
            yield f"{self.point}: the restart failed: {self.restart_error}"
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


class Worker:
    """One fork server and its own service; it runs one point after the other."""

    def __init__(self, fork_server: ForkServer, service: PaidService, folder: Path) -> None:
        self.fork_server = fork_server
        self.service = service
        self.folder = folder
        self._jobs_made = 0

    def job(self) -> Job:
        self._jobs_made += 1
        ledger = self.folder / str(self._jobs_made) / "ledger.sqlite3"
        return Job(str(ledger), self.service.base_url, f"images-{self.folder.name}-{self._jobs_made}")

    def run(self, point: Point) -> Outcome:
        """Run one point, restart, and make the call twice more."""
        job = self.job()
        trace = self.folder / f"{self._jobs_made}.trace"
        known = len(self.service.trainings())
        (end,) = self.fork_server.run(replace(job, strace=point.strace(trace)))
        sent = self.service.trainings()[known:]
        accepted = any(whole(request) for request in sent)
        output = end["output"][-1] if end["output"] else {}
        outcome = Outcome(point, end["ended"], output, injected(trace), len(sent), len(sent), accepted)
        return self._restarted(job, outcome, known)

    def _restarted(self, job: Job, outcome: Outcome, known: int) -> Outcome:
        try:
            found, listed = anyio.run(_call_twice_more, job)
        except (LedgerError, TimeoutError) as error:
            return replace(outcome, restart_error=repr(error))
        arrived = self.service.trainings()[known:]
        return replace(outcome, found=found, listed=listed, arrived=len(arrived))


async def _call_twice_more(job: Job) -> tuple[tuple[Training, Training], tuple[Training, ...]]:
    """Restart after all leases have expired, make the call twice and list all trainings."""
    clock = SteppedClock(time.time() + AFTER_ALL_LEASES)
    studio = Studio(StudioConfig(Path(job.ledger), job.base_url, KEY), clock)
    request = TrainingRequest(job.photos, "TOKSIS")
    with anyio.fail_after(60):
        first = await studio.trainings.start(request)
        second = await studio.trainings.start(request)
        listed = await studio.trainings.list()
        await studio.aclose()
    return (first, second), tuple(listed.trainings)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Queue[Worker]]:
    with ExitStack() as stack:
        free: Queue[Worker] = Queue()
        for number in range(WORKERS):
            folder = tmp_path / f"worker-{number}"
            folder.mkdir()
            fork_server = stack.enter_context(ForkServer.open())
            free.put(Worker(fork_server, stack.enter_context(PaidService.open()), folder))
        yield free


def sweep(workers: Queue[Worker], points: Sequence[Point]) -> list[Outcome]:
    """Run all points, a few at the same time."""

    def one(point: Point) -> Outcome:
        worker = workers.get()
        try:
            return worker.run(point)
        finally:
            workers.put(worker)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, points))


def calls_of_one_start(workers: Queue[Worker], calls: Sequence[str], *, main_thread: bool) -> Counter[str]:
    """Count each system call in the thread that makes it most often, without faults."""
    worker = workers.get()
    job, trace = worker.job(), worker.folder / "calls"
    follow = [] if main_thread else ["-f"]
    watch = [*follow, "-qq", "-o", str(trace), "-e", f"trace={','.join(calls)}"]
    (end,) = worker.fork_server.run(replace(job, strace=watch))
    assert end["ended"] == 0, end
    workers.put(worker)
    made: Counter[tuple[str, str]] = Counter()
    for line in trace.read_text().splitlines():
        thread, call = line.split(maxsplit=1) if not main_thread else ("", line)
        if "resumed>" not in call and "(" in call:
            made[thread, call.split("(")[0]] += 1
    return Counter({call: max(n for (_, name), n in made.items() if name == call) for _, call in made})


def swept(made: int, step: int) -> list[int]:
    """Number the calls to sweep, and two more: the child must survive them, or the sweep missed some calls."""
    return [*range(1, made + 1, step), made + 1, made + 2]


def assert_promises_kept(outcomes: Sequence[Outcome]) -> None:
    broken = [promise for outcome in outcomes for promise in outcome.broken_promises()]
    assert broken == []


@all_calls
def test_a_start_killed_at_any_step_is_paid_at_most_once_and_loses_no_accepted_id(
    workers: Queue[Worker], all_calls: bool
) -> None:
    counted = [
        (calls_of_one_start(workers, LEDGER_CALLS, main_thread=False), False),
        (calls_of_one_start(workers, NETWORK_CALLS, main_thread=True), True),
    ]
    points = [
        Point(call, number, main_thread=main_thread)
        for counts, main_thread in counted
        for call, made in counts.items()
        for number in swept(made, 1 if all_calls else SAMPLED.get(call, 1))
    ]
    outcomes = sweep(workers, points)
    assert_promises_kept(outcomes)
    killed = [outcome for outcome in outcomes if outcome.ended == -9]
    survived = {(outcome.point.call, outcome.point.main_thread) for outcome in outcomes if outcome.ended == 0}
    assert len(killed) >= (200 if all_calls else 60)
    assert survived >= {(call, main_thread) for counts, main_thread in counted for call in counts}
    # The sweep must kill before, during and after the paid request.
    ends = Counter((outcome.before, outcome.found[1].state) for outcome in killed if outcome.found)
    assert {state for _, state in ends} == {State.QUEUED, State.UNCONFIRMED}
    assert min(ends[0, State.QUEUED], ends[1, State.QUEUED], ends[1, State.UNCONFIRMED]) > 0
    print(f"{len(killed)} kills: {dict(ends)}")


@dataclass(frozen=True)
class Failing:
    """An error of one call. `make test` sweeps every `step`th call from `first` on, the long test every one."""

    call: str
    error: str
    lasts: bool = False
    first: int = 1
    step: int = 1

    def points(self, made: int, *, all_calls: bool) -> list[Point]:
        first, step = (1, 1) if all_calls else (self.first, self.step)
        return [Point(self.call, n, f"error={self.error}", self.lasts) for n in range(first, made + 1, step)]


# Where several errors share a call, they take turns.
FAILING = {
    "a full disk at one write": Failing("pwrite64", "ENOSPC", first=1, step=6),
    "a disk that stays full": Failing("pwrite64", "ENOSPC", lasts=True, first=3, step=6),
    "a failed write": Failing("pwrite64", "EIO", first=5, step=6),
    "a failed sync": Failing("fdatasync", "EIO", first=1, step=4),
    "all further syncs fail": Failing("fdatasync", "EIO", lasts=True, first=3, step=4),
    "a failed read": Failing("pread64", "EIO", step=6),
    "the journal cannot be removed": Failing("unlink", "EIO"),
    "no space to spool": Failing("write", "ENOSPC"),
    "a folder cannot be created": Failing("mkdir", "ENOSPC"),
    "a file cannot be opened": Failing("openat", "ENOSPC", step=4),
}


@all_calls
def test_a_disk_error_at_any_step_costs_at_most_one_request_and_loses_no_id(
    workers: Queue[Worker], all_calls: bool
) -> None:
    calls = sorted({failing.call for failing in FAILING.values()})
    made = calls_of_one_start(workers, calls, main_thread=False)
    points = [
        point
        for failing in FAILING.values()
        for point in failing.points(made[failing.call], all_calls=all_calls)
    ]
    outcomes = [outcome for outcome in sweep(workers, points) if outcome.injected]
    assert_promises_kept(outcomes)
    for outcome in outcomes:
        assert_disk_promises_kept(outcome)
    notes = Counter(note for outcome in outcomes for note in outcome.output.get("notes", ()))
    assert notes[Note.ID_NOT_IN_LEDGER] > 0
    print(f"{len(outcomes)} disk errors; {dict(notes)}")


def assert_disk_promises_kept(outcome: Outcome) -> None:
    """Check that nothing was sent, or that the caller got the id and the ledger or its spool has it."""
    description = f"{outcome.point}: {outcome.output}"
    assert outcome.ended == 0, description
    assert outcome.before <= 1, description
    if not outcome.before:
        assert outcome.output.get("is_ledger", outcome.output.get("state") == State.SENDING), description
        return
    assert outcome.found is not None
    assert outcome.output.get("task_id") == outcome.found[1].task_id, description
    assert outcome.found[1].task_id is not None, description


SERVER_SWEEP = {
    "pwrite64": 12,
    "fdatasync": 6,
    "unlink": 1,
    "fsync": 1,
    "sendto": 1,
    "connect": 1,
    "recvfrom": 6,
    "write": 1,
}
"""The same for the whole server, whose calls for the ledger are those of the start above."""


@pytest.fixture
def server_workers(tmp_path: Path) -> Iterator[Queue[Worker]]:
    with ExitStack() as stack:
        free: Queue[Worker] = Queue()
        for number in range(WORKERS):
            folder = tmp_path / f"worker-{number}"
            folder.mkdir()
            fork_server = stack.enter_context(ForkServer.open("--whole-server"))
            service = stack.enter_context(PaidService.open())
            free.put(ServerWorker(fork_server, service, folder))
        yield free


class ServerWorker(Worker):
    """A worker for the whole server. All calls are made through MCP, also after the restart."""

    def job(self) -> Job:
        plain = super().job()
        return through_the_server(Path(plain.ledger), plain.base_url, plain.photos)

    def _restarted(self, job: Job, outcome: Outcome, known: int) -> Outcome:
        _expire_leases(Path(job.ledger))
        again = through_the_server(Path(job.ledger), job.base_url, job.photos, calls=2)
        (end,) = self.fork_server.run(again)
        results = [line["result"] for line in end["output"][1:]]
        if len(results) != 2 or any(result.get("isError") for result in results):
            return replace(outcome, restart_error=str(end))
        return super()._restarted(job, outcome, known)


def _expire_leases(ledger: Path) -> None:
    if not ledger.exists():
        return
    with sqlite3.connect(ledger) as connection:
        if connection.execute("SELECT name FROM sqlite_master WHERE name = 'submissions'").fetchone():
            connection.execute("UPDATE submissions SET lease_until = 1 WHERE lease_until IS NOT NULL")
    connection.close()


@all_calls
def test_a_server_killed_at_any_step_pays_at_most_once_and_loses_no_accepted_id(
    server_workers: Queue[Worker], all_calls: bool
) -> None:
    points: list[Point] = []
    for main_thread in (False, True):
        counts = calls_of_one_start(server_workers, list(SERVER_SWEEP), main_thread=main_thread)
        points += [
            Point(call, number, main_thread=main_thread)
            for call, made in counts.items()
            if not main_thread or call in ("sendto", "connect", "recvfrom")
            for number in range(1, made + 1, 1 if all_calls else SERVER_SWEEP[call])
        ]
    outcomes = sweep(server_workers, points)
    assert_promises_kept(outcomes)
    killed = [outcome for outcome in outcomes if outcome.ended == -9]
    ends = Counter((outcome.before, outcome.found[1].state) for outcome in killed if outcome.found)
    assert len(killed) >= (60 if all_calls else 25)
    assert min(ends[0, State.QUEUED], ends[1, State.QUEUED], ends[1, State.UNCONFIRMED]) > 0
    print(f"{len(killed)} kills of the whole server: {dict(ends)}")
