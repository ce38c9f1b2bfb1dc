"""What every fault of the wire does to a training that is started: to its row, to the money, to the caller."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from pydantic import SecretStr

from apiframe_studio.api import NotSent, Refused, Throttled, Unclear
from apiframe_studio.ledger import Kind, Submission
from apiframe_studio.resolving import Decision
from apiframe_studio.sending import NotYetSent, Rejected
from apiframe_studio.studio import Studio, StudioPlan
from apiframe_studio.submission import State
from apiframe_studio.training import Training
from apiframe_studio.trainings import TrainingWish

from ..studio.stepped_clock import SteppedClock
from .fault_server import ACCEPTED, FaultServer, answer, fault_server, read_request, replying
from .test_api_faults import MEANINGS, Meaning

KEY = SecretStr("v1-key-of-nobody-0123456789")
WISH = TrainingWish("images-1", "TOKSIS")
TAKEN = answer("200 OK", ACCEPTED)


@dataclass(frozen=True)
class Ending:
    """How a start ends: the row's state, what is raised, and how many requests arrive."""

    state: State
    raises: type[Exception] | None
    posts: int


TRIES = {"throttled_hugely": 1}
NEVER_READ_WHOLE = {"never_reads", "tls_to_a_plain_port", "closed_after_accept", "reset_after_accept"}


def ending_of(fault: str, meaning: Meaning) -> Ending:
    """Written out from the rule, not from the code: three classes, and an id that could be salvaged."""
    if meaning.error is NotSent:
        return Ending(State.INTENT, NotYetSent, 0)
    if meaning.error is Throttled:
        return Ending(State.INTENT, NotYetSent, TRIES.get(fault, 3))
    if issubclass(meaning.error, Refused):
        return Ending(State.REJECTED, Rejected, 1)
    posts = 0 if fault in NEVER_READ_WHOLE else 1
    return Ending(State.QUEUED if meaning.task_id else State.UNCONFIRMED, None, posts)


@asynccontextmanager
async def studio_at(
    base_url: str, folder: Path, clock: SteppedClock | None = None, paid: float = 0.6
) -> AsyncIterator[Studio]:
    """A studio on a real socket with short deadlines, in which waiting takes no time."""
    plan = StudioPlan(
        folder / "ledger.sqlite3", base_url, KEY, connect_seconds=0.3, read_seconds=0.6, paid_seconds=paid
    )
    studio = Studio(plan, clock or SteppedClock())
    with anyio.fail_after(8):
        yield studio
    await studio.aclose()


async def started(studio: Studio, wish: TrainingWish = WISH) -> tuple[Training | None, Exception | None]:
    try:
        return await studio.trainings.start(wish), None
    except (NotYetSent, Rejected) as error:
        return None, error


async def only_row(studio: Studio) -> Submission:
    (row,) = await studio.ledger.list(Kind.TRAINING, studio.clock.now())
    return row


@pytest.mark.parametrize("fault", MEANINGS)
async def test_a_fault_ends_in_the_state_that_is_true_for_the_money(fault: str, tmp_path: Path) -> None:
    if fault == "full_accept_queue" and sys.platform != "linux":
        pytest.skip("other systems accept more connections than were asked for")
    meaning = MEANINGS[fault]
    ending = ending_of(fault, meaning)
    wish = TrainingWish("i" * 8_000_000, "TOKSIS") if fault == "never_reads" else WISH
    with fault_server(fault) as server:
        async with studio_at(server.base_url, tmp_path) as studio:
            training, error = await started(studio, wish)
            row = await only_row(studio)
    assert (row.state, row.task_id) == (ending.state, meaning.task_id)
    assert type(error) is (ending.raises or type(None))
    assert error is None or isinstance(getattr(error, "cause", None), meaning.error)
    assert training is None or (training.state, training.task_id) == (row.state, row.task_id)
    assert len(server.posts) == ending.posts
    assert row.lease_until is None


UNCLEAR = [name for name, meaning in MEANINGS.items() if meaning.error is Unclear]


@pytest.mark.parametrize("fault", [name for name in UNCLEAR if name not in ("never_reads", "gzip_bomb")])
async def test_what_may_have_been_paid_is_never_sent_again_by_a_program(fault: str, tmp_path: Path) -> None:
    clock = SteppedClock()
    with fault_server(fault, "accepted") as server:
        async with studio_at(server.base_url, tmp_path, clock) as studio:
            first = await studio.trainings.start(WISH)
            clock.step(100_000)
            second = await studio.trainings.start(WISH)
        async with studio_at(server.base_url, tmp_path, clock) as restarted:
            third = await restarted.trainings.start(TrainingWish("images-1", "TOKBRO", idempotency_key="new"))
    assert first.ref == second.ref == third.ref
    assert (first.deduplicated, second.deduplicated, third.deduplicated) == (False, True, True)
    assert second.state is first.state
    # A new key makes the third one look at what was salvaged, which is free; it pays for nothing.
    looks = sum(post.target == "/fetch" for post in server.posts)
    assert third.state is (State.PROCESSING if looks else first.state)
    assert server.connections - looks == 1


@pytest.mark.parametrize(
    "fault", [name for name, meaning in MEANINGS.items() if issubclass(meaning.error, Refused)]
)
async def test_a_refused_start_is_a_new_one_when_it_is_made_again(fault: str, tmp_path: Path) -> None:
    with fault_server(fault, "accepted") as server:
        async with studio_at(server.base_url, tmp_path) as studio:
            _, refusal = await started(studio)
            training, _ = await started(studio)
    assert isinstance(refusal, Rejected)
    assert training is not None
    assert training.state is State.QUEUED
    assert training.ref != refusal.row.ref
    assert len(server.posts) == 2


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        ("throttled", [0.5, 1.0]),
        ("throttled_for_seconds", [7.0, 7.0]),
        ("throttled_until_date", [9.0, 9.0]),
        ("throttled_with_junk", [0.5, 1.0]),
        ("throttled_hugely", []),
        ("refused", [0.5, 1.0]),
    ],
)
async def test_what_was_not_taken_is_tried_three_times_within_one_call(
    fault: str, waits: list[float], tmp_path: Path
) -> None:
    clock = SteppedClock()
    with fault_server(fault) as server:
        async with studio_at(server.base_url, tmp_path, clock) as studio:
            _, error = await started(studio)
            row = await only_row(studio)
    assert isinstance(error, NotYetSent)
    assert clock.slept == waits
    assert (row.state, row.attempt) == (State.INTENT, len(waits) + 1)


async def test_a_retry_after_beyond_ten_seconds_is_told_and_not_waited_for(tmp_path: Path) -> None:
    """Two such waits would fit into the time of one call: it is the wait itself that is bounded."""
    slow = {"slow": replying(answer("429 Too Many Requests", retry_after="11"))}
    clock = SteppedClock()
    with fault_server("slow", "accepted", faults=slow) as server:
        async with studio_at(server.base_url, tmp_path, clock) as studio:
            _, error = await started(studio)
    assert isinstance(error, NotYetSent)
    assert isinstance(error.cause, Throttled)
    assert (error.cause.retry_after, clock.slept, len(server.posts)) == (11.0, [], 1)


async def test_waits_that_do_not_fit_into_one_call_end_it(tmp_path: Path) -> None:
    slow = replying(answer("429 Too Many Requests", retry_after="10"))
    clock = SteppedClock()

    def ten_seconds_later(connection: socket.socket, server: FaultServer) -> None:
        clock.step(10)
        slow(connection, server)

    with fault_server("slow", faults={"slow": ten_seconds_later}) as server:
        async with studio_at(server.base_url, tmp_path, clock) as studio:
            _, error = await started(studio)
    assert isinstance(error, NotYetSent)
    assert clock.slept == [10.0]
    assert len(server.posts) == 2


async def test_a_later_call_sends_what_an_earlier_one_could_not(tmp_path: Path) -> None:
    with fault_server("throttled_hugely", "accepted") as server:
        async with studio_at(server.base_url, tmp_path) as studio:
            _, error = await started(studio)
            training, _ = await started(studio)
    assert isinstance(error, NotYetSent)
    assert training is not None
    assert (training.ref, training.state, training.deduplicated) == (error.row.ref, State.QUEUED, False)
    assert len(server.posts) == 2


class Gate:
    """Holds answers back until the test lets them go."""

    def __init__(self, *answers: bytes) -> None:
        self.arrived = threading.Event()
        self.go = threading.Event()
        self._answers: Iterator[bytes] = iter(answers)

    async def until_arrived(self) -> None:
        """Wait for a request, and be ready for the next one."""
        assert await anyio.to_thread.run_sync(self.arrived.wait, 5)
        self.arrived.clear()

    def __call__(self, connection: socket.socket, server: FaultServer) -> None:
        read_request(connection, server)
        mine = next(self._answers)
        self.arrived.set()
        self.go.wait(5)
        connection.sendall(mine)


async def test_a_call_that_is_cancelled_still_learns_and_records_what_was_paid(tmp_path: Path) -> None:
    gate = Gate(TAKEN)
    with fault_server("slow", faults={"slow": gate}) as server:
        async with studio_at(server.base_url, tmp_path, paid=5.0) as studio:
            async with anyio.create_task_group() as group:
                group.start_soon(studio.trainings.start, WISH)
                await gate.until_arrived()
                group.cancel_scope.cancel()
                gate.go.set()
            row = await only_row(studio)
    assert (row.state, row.task_id) == (State.QUEUED, "train-0123456789")
    assert len(server.posts) == 1


async def test_an_end_that_cannot_wait_records_what_is_on_its_way_as_unconfirmed_and_the_late_answer_counts(
    tmp_path: Path,
) -> None:
    gate = Gate(TAKEN)
    with fault_server("slow", faults={"slow": gate}) as server:
        async with studio_at(server.base_url, tmp_path, paid=5.0) as studio:
            async with anyio.create_task_group() as group:
                group.start_soon(studio.trainings.start, WISH)
                await gate.until_arrived()
                await studio.finish(0.01)
                given_up = await only_row(studio)
                gate.go.set()
            row = await only_row(studio)
    assert (given_up.state, given_up.task_id) == (State.UNCONFIRMED, None)
    assert (row.state, row.task_id) == (State.QUEUED, "train-0123456789")
    assert len(server.posts) == 1


async def test_a_person_may_send_again_while_the_first_request_still_hangs(tmp_path: Path) -> None:
    """The clock leaps, the lease has run out, a person decides; then the first answer comes after all."""
    clock = SteppedClock()
    gate = Gate(answer("200 OK", {"task_id": "train-first"}), answer("200 OK", {"task_id": "train-second"}))
    with fault_server("slow", faults={"slow": gate}) as server:
        async with studio_at(server.base_url, tmp_path, clock, paid=5.0) as studio:
            results: list[Training] = []

            async def start() -> None:
                results.append(await studio.trainings.start(WISH))

            async with anyio.create_task_group() as group:
                group.start_soon(start)
                await gate.until_arrived()
                clock.jump(1_000)
                row = await only_row(studio)
                assert row.state is State.UNCONFIRMED
                await studio.trainings.resolve(row.ref, Decision.SEND_AGAIN)
                group.start_soon(start)
                await gate.until_arrived()
                gate.go.set()
            rows = await studio.ledger.list(Kind.TRAINING, clock.now())
    assert len(server.posts) == 2
    assert {row.task_id for row in rows} == {"train-first", "train-second"}
    assert {result.task_id for result in results} == {"train-first", "train-second"}
    assert os.listdir(tmp_path / "ledger-spool") == []


async def test_a_late_unclear_answer_does_not_make_its_own_call_send_again(tmp_path: Path) -> None:
    """A person says "send again" while the request hangs: that is for the next call, not for this one."""
    clock = SteppedClock()
    gate = Gate(b"")
    with fault_server("slow", faults={"slow": gate}) as server:
        async with studio_at(server.base_url, tmp_path, clock, paid=5.0) as studio:
            results: list[Training] = []

            async def start() -> None:
                results.append(await studio.trainings.start(WISH))

            async with anyio.create_task_group() as group:
                group.start_soon(start)
                await gate.until_arrived()
                clock.jump(1_000)
                row = await only_row(studio)
                await studio.trainings.resolve(row.ref, Decision.SEND_AGAIN)
                gate.go.set()
    assert len(server.posts) == 1
    assert [result.state for result in results] == [State.INTENT]
