"""What each fault means for a started training: its row, the paid requests and the caller."""

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

from apiframe_studio.api.errors import NotSent, OutcomeUnknown, RateLimited, Refused, TooManyTrainings
from apiframe_studio.errors import NotYetSent, Rejected
from apiframe_studio.ledger import Kind, Submission
from apiframe_studio.ledger.states import State
from apiframe_studio.reconciler import Decision
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.submitter import delay_before_retry
from apiframe_studio.training import Training
from apiframe_studio.trainings import TrainingRequest

from ..studio.stepped_clock import SteppedClock
from .fault_server import ACCEPTED, FaultServer, answer, fault_server, read_request, replying
from .test_api_faults import EXPECTED, LONG, SHORT, ExpectedError

pytestmark = pytest.mark.slow

KEY = SecretStr("v1-test-key-0123456789")
REQUEST = TrainingRequest("images-1", "TOKSIS")
ACCEPTED_RESPONSE = answer("200 OK", ACCEPTED)


@dataclass(frozen=True)
class Ending:
    """How a start ends: the row's state, the raised error and the number of requests that arrive."""

    state: State
    raises: type[Exception] | None
    posts: int


ATTEMPTS = {"throttled_hugely": 1}
NOT_READ_COMPLETELY = {"never_reads", "tls_to_a_plain_port", "closed_after_accept", "reset_after_accept"}


def ending_of(fault: str, expected: ExpectedError) -> Ending:
    """Derive the ending from the rule, not from the code: three classes of errors, and a salvaged id."""
    if expected.error is NotSent:
        return Ending(State.INTENT, NotYetSent, 0)
    if expected.error is RateLimited:
        return Ending(State.INTENT, NotYetSent, ATTEMPTS.get(fault, 3))
    if issubclass(expected.error, Refused):
        return Ending(State.REJECTED, Rejected, 1)
    posts = 0 if fault in NOT_READ_COMPLETELY else 1
    return Ending(State.QUEUED if expected.task_id else State.UNCONFIRMED, None, posts)


@asynccontextmanager
async def studio_at(
    base_url: str, folder: Path, clock: SteppedClock | None = None, fault: str = ""
) -> AsyncIterator[Studio]:
    """Open a studio on a real socket, with a clock on which waiting takes no time.

    Only for a `fault` that ends with a deadline are the deadlines short: a busy machine must not meet one.
    """
    expected = EXPECTED.get(fault)
    deadlines = SHORT if expected is not None and expected.reason == "timeout" else LONG
    plan = StudioConfig(
        folder / "ledger.sqlite3",
        base_url,
        KEY,
        connect_seconds=deadlines.connect,
        read_seconds=deadlines.read,
        paid_seconds=deadlines.paid,
    )
    studio = Studio(plan, clock or SteppedClock())
    with anyio.fail_after(60):
        yield studio
    await studio.aclose()


async def started(
    studio: Studio, request: TrainingRequest = REQUEST
) -> tuple[Training | None, Exception | None]:
    try:
        return await studio.trainings.start(request), None
    except (NotYetSent, Rejected) as error:
        return None, error


async def only_row(studio: Studio) -> Submission:
    (row,) = (await studio.ledger.page(Kind.TRAINING, studio.clock.now(), limit=50)).rows
    return row


@pytest.mark.parametrize("fault", EXPECTED)
async def test_a_fault_ends_in_the_state_that_matches_what_was_paid(fault: str, tmp_path: Path) -> None:
    if fault == "full_accept_queue" and sys.platform != "linux":
        pytest.skip("other systems accept more connections than requested")
    expected = EXPECTED[fault]
    ending = ending_of(fault, expected)
    request = TrainingRequest("i" * 8_000_000, "TOKSIS") if fault == "never_reads" else REQUEST
    with fault_server(fault) as server:
        async with studio_at(server.base_url, tmp_path, fault=fault) as studio:
            training, error = await started(studio, request)
            row = await only_row(studio)
    assert (row.state, row.task_id) == (ending.state, expected.task_id)
    assert type(error) is (ending.raises or type(None))
    assert error is None or isinstance(getattr(error, "cause", None), expected.error)
    assert training is None or (training.state, training.task_id) == (row.state, row.task_id)
    assert len(server.posts) == ending.posts
    assert row.lease_until is None


UNCLEAR = [name for name, expected in EXPECTED.items() if expected.error is OutcomeUnknown]


@pytest.mark.parametrize("fault", [name for name in UNCLEAR if name not in ("never_reads", "gzip_bomb")])
async def test_a_request_that_may_have_been_paid_is_never_resent_automatically(
    fault: str, tmp_path: Path
) -> None:
    clock = SteppedClock()
    with fault_server(fault, "accepted") as server:
        async with studio_at(server.base_url, tmp_path, clock, fault) as studio:
            first = await studio.trainings.start(REQUEST)
            clock.step(100_000)
            second = await studio.trainings.start(REQUEST)
        async with studio_at(server.base_url, tmp_path, clock, fault) as restarted:
            third = await restarted.trainings.start(
                TrainingRequest("images-1", "TOKBRO", idempotency_key="new")
            )
    assert first.ref == second.ref == third.ref
    assert (first.deduplicated, second.deduplicated, third.deduplicated) == (False, True, True)
    assert second.state is first.state
    # With a new key the third start first checks the salvaged id, which is free, and pays nothing.
    # Connections are not counted: on a slow machine a check times out and is repeated. A second paid request
    # would be in the list, since every connection after the first is read completely.
    targets = [post.target for post in server.posts]
    assert third.state is (State.PROCESSING if "/fetch" in targets else first.state)
    assert len(targets) - targets.count("/fetch") == ending_of(fault, EXPECTED[fault]).posts


@pytest.mark.parametrize(
    "fault", [name for name, expected in EXPECTED.items() if issubclass(expected.error, Refused)]
)
async def test_a_repeated_start_after_a_rejection_is_a_new_submission(fault: str, tmp_path: Path) -> None:
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
async def test_a_request_that_was_not_sent_is_attempted_three_times_in_one_call(
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


async def test_a_retry_after_of_more_than_ten_seconds_is_reported_and_not_waited_for(tmp_path: Path) -> None:
    """Two such waits would fit into one call, but each wait is limited too."""
    slow = {"slow": replying(answer("429 Too Many Requests", retry_after="11"))}
    clock = SteppedClock()
    with fault_server("slow", "accepted", faults=slow) as server:
        async with studio_at(server.base_url, tmp_path, clock) as studio:
            _, error = await started(studio)
    assert isinstance(error, NotYetSent)
    assert isinstance(error.cause, RateLimited)
    assert (error.cause.retry_after, clock.slept, len(server.posts)) == (11.0, [], 1)


def test_a_team_with_too_many_trainings_is_not_asked_again_within_a_call() -> None:
    assert delay_before_retry(RateLimited(), 1) is not None
    assert delay_before_retry(TooManyTrainings(), 1) is None


async def test_a_call_ends_when_its_retry_budget_is_used_up(tmp_path: Path) -> None:
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


async def test_a_later_call_sends_the_submission_that_an_earlier_one_could_not(tmp_path: Path) -> None:
    with fault_server("throttled_hugely", "accepted") as server:
        async with studio_at(server.base_url, tmp_path) as studio:
            _, error = await started(studio)
            training, _ = await started(studio)
    assert isinstance(error, NotYetSent)
    assert training is not None
    assert (training.ref, training.state, training.deduplicated) == (error.row.ref, State.QUEUED, False)
    assert len(server.posts) == 2


class Gate:
    """Holds responses back until the test releases them."""

    def __init__(self, *answers: bytes) -> None:
        self.arrived = threading.Event()
        self.go = threading.Event()
        self._answers: Iterator[bytes] = iter(answers)

    async def until_arrived(self) -> None:
        """Wait for a request and reset for the next one."""
        assert await anyio.to_thread.run_sync(self.arrived.wait, 60)
        self.arrived.clear()

    def __call__(self, connection: socket.socket, server: FaultServer) -> None:
        read_request(connection, server)
        response = next(self._answers)
        self.arrived.set()
        self.go.wait(60)
        connection.sendall(response)


async def test_a_cancelled_call_still_records_what_was_paid(tmp_path: Path) -> None:
    gate = Gate(ACCEPTED_RESPONSE)
    with fault_server("slow", faults={"slow": gate}) as server:
        async with studio_at(server.base_url, tmp_path) as studio:
            async with anyio.create_task_group() as group:
                group.start_soon(studio.trainings.start, REQUEST)
                await gate.until_arrived()
                group.cancel_scope.cancel()
                gate.go.set()
            row = await only_row(studio)
    assert (row.state, row.task_id) == (State.QUEUED, "train-0123456789")
    assert len(server.posts) == 1


async def test_a_shutdown_without_waiting_records_unconfirmed_and_a_late_response_corrects_it(
    tmp_path: Path,
) -> None:
    gate = Gate(ACCEPTED_RESPONSE)
    with fault_server("slow", faults={"slow": gate}) as server:
        async with studio_at(server.base_url, tmp_path) as studio:
            async with anyio.create_task_group() as group:
                group.start_soon(studio.trainings.start, REQUEST)
                await gate.until_arrived()
                await studio.finish(0.01)
                after_shutdown = await only_row(studio)
                gate.go.set()
            row = await only_row(studio)
    assert (after_shutdown.state, after_shutdown.task_id) == (State.UNCONFIRMED, None)
    assert (row.state, row.task_id) == (State.QUEUED, "train-0123456789")
    assert len(server.posts) == 1


async def test_a_user_may_resend_while_the_first_request_still_hangs(tmp_path: Path) -> None:
    """The clock jumps past the lease, the user decides, and then the first response arrives after all."""
    clock = SteppedClock()
    gate = Gate(answer("200 OK", {"task_id": "train-first"}), answer("200 OK", {"task_id": "train-second"}))
    with fault_server("slow", faults={"slow": gate}) as server:
        async with studio_at(server.base_url, tmp_path, clock) as studio:
            results: list[Training] = []

            async def start() -> None:
                results.append(await studio.trainings.start(REQUEST))

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
            rows = (await studio.ledger.page(Kind.TRAINING, clock.now(), limit=50)).rows
    assert len(server.posts) == 2
    assert {row.task_id for row in rows} == {"train-first", "train-second"}
    assert {result.task_id for result in results} == {"train-first", "train-second"}
    assert os.listdir(tmp_path / "ledger-spool") == []


async def test_a_late_unclear_response_does_not_make_its_own_call_resend(tmp_path: Path) -> None:
    """The user decides to resend while the request hangs: this applies to the next call, not to this one."""
    clock = SteppedClock()
    gate = Gate(b"")
    with fault_server("slow", faults={"slow": gate}) as server:
        async with studio_at(server.base_url, tmp_path, clock) as studio:
            results: list[Training] = []

            async def start() -> None:
                results.append(await studio.trainings.start(REQUEST))

            async with anyio.create_task_group() as group:
                group.start_soon(start)
                await gate.until_arrived()
                clock.jump(1_000)
                row = await only_row(studio)
                await studio.trainings.resolve(row.ref, Decision.SEND_AGAIN)
                gate.go.set()
    assert len(server.posts) == 1
    assert [result.state for result in results] == [State.INTENT]
