"""Each fault of a paid request raises the error that says whether money may have been spent."""

from __future__ import annotations

import socket
import sys
import threading
from dataclasses import dataclass

import anyio
import pytest
import stamina
from pydantic import SecretStr

from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    Conflict,
    InsufficientCredits,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
)
from apiframe_studio.api.provider import Deadlines, ImageCall, TrainingCall, UploadCall
from apiframe_studio.api.v1.client import ApiframeV1

from .fault_server import (
    ACCEPTED,
    ADDRESSES,
    FAULTS,
    MAX_SECONDS,
    FaultServer,
    answer,
    fault_server,
    read_part_of_request,
    read_request,
    replying,
    reset_at_once,
)

KEY = SecretStr("v1-test-key-0123456789")
SHORT = Deadlines(connect=0.3, read=0.6, paid=0.6)
LONG = Deadlines(connect=20, read=20, paid=20)
"""For faults that end on their own, so that a busy machine does not turn them into timeouts."""
ID = ACCEPTED["task_id"]


@dataclass(frozen=True)
class ExpectedError:
    """The error that the caller gets."""

    error: type[ApiframeError]
    reason: str = ""
    task_id: str | None = None
    retry_after: float | None = None


def unclear(reason: str, task_id: str | None = None) -> ExpectedError:
    return ExpectedError(OutcomeUnknown, reason, task_id)


EXPECTED = {
    "refused": ExpectedError(NotSent, "refused"),
    "unknown_name": ExpectedError(NotSent, "dns"),
    "full_accept_queue": ExpectedError(NotSent, "timeout"),
    "tls_to_a_plain_port": ExpectedError(NotSent, "tls"),
    "closed_after_accept": unclear("cut_off"),
    "closed_after_part_of_request": unclear("cut_off"),
    "closed_after_request": unclear("cut_off"),
    "reset_after_accept": unclear("cut_off"),
    "reset_after_part_of_request": unclear("cut_off"),
    "reset_after_request": unclear("cut_off"),
    "partial_status_line": unclear("cut_off"),
    "partial_headers": unclear("cut_off"),
    "huge_header": unclear("cut_off"),
    "not_http": unclear("cut_off"),
    "truncated_body_with_id": unclear("cut_off", ID),
    "truncated_body_without_id": unclear("cut_off"),
    "truncated_chunk_with_id": unclear("cut_off", ID),
    "truncated_chunk_without_id": unclear("cut_off"),
    "silent": unclear("timeout"),
    "never_reads": unclear("timeout"),
    "refused_while_sending": ExpectedError(Refused),
    "slow_loris_headers": unclear("timeout"),
    "slow_loris_body": unclear("timeout"),
    "slow_loris_body_with_id": unclear("timeout", ID),
    "early_hints_without_end": unclear("timeout"),
    "bad_gzip": unclear("not_json"),
    "good_gzip": unclear("not_json"),
    "gzip_bomb": unclear("not_json"),
    "endless_body": unclear("too_large"),
    "html_200": unclear("not_json"),
    "empty_200": unclear("not_json"),
    "list_200": unclear("not_json"),
    "no_id_200": unclear("no_task_id"),
    "no_content_204": unclear("not_json"),
    "switching_101": unclear("cut_off"),
    "redirect_307": ExpectedError(Refused),
    "redirect_301": ExpectedError(Refused),
    "redirect_to_no_url": ExpectedError(Refused),
    "redirect_to_data": ExpectedError(Refused),
    "redirect_to_no_name": ExpectedError(Refused),
    "status_400": ExpectedError(Refused),
    "status_401": ExpectedError(AuthenticationFailed),
    "status_402": ExpectedError(InsufficientCredits),
    "status_403": ExpectedError(AuthenticationFailed),
    "status_404": ExpectedError(NotFound),
    "status_405": ExpectedError(Refused),
    "status_408": unclear("odd_status"),
    "status_409": ExpectedError(Conflict, "odd_status"),
    "status_413": ExpectedError(Refused),
    "status_415": ExpectedError(Refused),
    "status_418": unclear("odd_status"),
    "status_422": ExpectedError(Refused),
    "status_425": unclear("odd_status"),
    "status_500": unclear("server_error"),
    "status_502": unclear("server_error"),
    "status_503": unclear("server_error"),
    "status_504": unclear("server_error"),
    "bare_401": ExpectedError(AuthenticationFailed),
    "html_502": unclear("server_error"),
    "truncated_400": ExpectedError(Refused),
    "throttled": ExpectedError(RateLimited),
    "throttled_for_seconds": ExpectedError(RateLimited, retry_after=7.0),
    "throttled_until_date": ExpectedError(RateLimited, retry_after=9.0),
    "throttled_with_junk": ExpectedError(RateLimited),
    "throttled_hugely": ExpectedError(RateLimited, retry_after=3600.0),
}


def client(server: FaultServer, deadlines: Deadlines = LONG) -> ApiframeV1:
    return ApiframeV1(key=KEY, base_url=server.base_url, deadlines=deadlines)


async def train(api: ApiframeV1, size: int = 10, seconds: float | None = None) -> str | None:
    assert seconds in (None, SHORT.paid, LONG.paid), "the client's own deadline"
    return (await api.train(TrainingCall("images-1", trigger_word="W" * size))).task_id


async def upload(api: ApiframeV1, size: int = 10_000, seconds: float = LONG.paid) -> str | None:
    images = [b"\xff\xd8\xff" + bytes(size // 10)] * 10
    return (
        await api.upload(UploadCall(images, ethnicity="white", gender="female"), deadline_seconds=seconds)
    ).task_id


async def generate(api: ApiframeV1, size: int = 10, seconds: float = LONG.paid) -> str | None:
    return (await api.generate(ImageCall("train-1", "P" * size), deadline_seconds=seconds)).task_id


PAID = {"train": train, "upload": upload, "generate": generate}
LARGER_THAN_ANY_BUFFER = 20_000_000


def test_the_table_has_every_fault_of_the_server() -> None:
    assert {*EXPECTED, "accepted"} == {*FAULTS, *(name for names in ADDRESSES for name in names)}


@pytest.mark.slow
@pytest.mark.parametrize("fault", EXPECTED)
@pytest.mark.parametrize("paid", PAID)
async def test_a_faulty_paid_request_raises_the_expected_error_and_is_sent_once(
    paid: str, fault: str
) -> None:
    if fault == "full_accept_queue" and sys.platform != "linux":
        pytest.skip("other systems accept more connections than requested")
    expected = EXPECTED[fault]
    size = {"size": LARGER_THAN_ANY_BUFFER} if fault == "never_reads" else {}
    deadlines = SHORT if expected.reason == "timeout" else LONG
    with fault_server(fault) as server, anyio.fail_after(60), pytest.raises(ApiframeError) as caught:
        await PAID[paid](client(server, deadlines), **size, seconds=deadlines.paid)
    error = caught.value
    assert type(error) is expected.error
    assert str(getattr(error, "reason", "")) == expected.reason
    assert getattr(error, "task_id", None) == expected.task_id
    assert getattr(error, "retry_after", None) == expected.retry_after
    assert server.connections <= 1
    assert len(server.posts) <= 1


async def test_an_accepted_request_is_exactly_the_documented_one() -> None:
    with fault_server("accepted") as server:
        assert await train(client(server)) == ID
    (post,) = server.posts
    assert (post.target, post.json()) == (
        "/ai-photo-train",
        {"training_images_id": "images-1", "trigger_word": "W" * 10},
    )
    assert (
        post.headers.items()
        >= {
            "authorization": KEY.get_secret_value(),
            "accept-encoding": "identity",
            "connection": "close",
            "content-type": "application/json",
        }.items()
    )
    assert post.headers["user-agent"].startswith("apiframe-photo-mcp/")
    assert "cookie" not in post.headers


async def test_a_connection_reset_at_once_is_never_accepted() -> None:
    for _ in range(20):
        at_once = fault_server("reset", faults={"reset": reset_at_once})
        with at_once as server, pytest.raises((NotSent, OutcomeUnknown)):
            await train(client(server))
        assert server.posts == []


async def test_a_connect_timeout_before_the_total_deadline_means_not_sent() -> None:
    with fault_server("full_accept_queue") as server, pytest.raises(NotSent):
        await train(client(server, Deadlines(connect=60, read=0.5, paid=0.5)))


async def test_an_unclear_error_has_the_beginning_of_the_response() -> None:
    page = replying(answer("503 Service Unavailable", b"<p>" + b"busy " * 4_000, x_request_id="req-7"))
    with fault_server("page", faults={"page": page}) as server, pytest.raises(OutcomeUnknown) as caught:
        await train(client(server))
    assert caught.value.request_id == "req-7"
    assert caught.value.excerpt.startswith("HTTP/1.1 503 Service Unavailable\n<p>busy busy")
    assert len(caught.value.excerpt) < 2_100


def body_read_slowly(connection: socket.socket, server: FaultServer) -> None:
    """Read 65 KB about every hundredth of a second and accept in the end."""
    read_part_of_request(connection, server)
    left = int(server.posts[-1].headers["content-length"]) - len(server.posts[-1].body)
    while left and not server.over.wait(0.01):
        left -= len(connection.recv(65536))
    connection.sendall(answer("200 OK", ACCEPTED))


def body_read_at_first(connection: socket.socket, server: FaultServer) -> None:
    """Read some megabytes and then nothing more."""
    for _ in range(50):
        connection.recv(65536)
    server.over.wait(MAX_SECONDS)


def refused_and_closed_while_sending(connection: socket.socket, server: FaultServer) -> None:
    """Reject the request and close the connection while the client is still sending."""
    read_part_of_request(connection, server)
    connection.sendall(answer("413 Payload Too Large"))


HUNDRED_OF_100_KB = [bytes(100_000)] * 100


@pytest.mark.slow
async def test_a_slow_upload_is_not_a_stalled_one() -> None:
    progress: list[tuple[int, int]] = []
    with fault_server("slow", faults={"slow": body_read_slowly}) as server, anyio.fail_after(60):
        began = anyio.current_time()
        accepted = await client(server, Deadlines(connect=5, stalled=1.9)).upload(
            UploadCall(HUNDRED_OF_100_KB, ethnicity="white", gender="male"),
            deadline_seconds=600,
            on_sent=lambda *now: progress.append(now),
        )
        took = anyio.current_time() - began
    assert accepted.task_id == ID
    assert took > 2
    assert progress == sorted(progress)
    assert progress[-1][0] == progress[-1][1] == int(server.posts[0].headers["content-length"])


async def test_a_stalled_upload_ends_long_before_its_deadline() -> None:
    progress: list[int] = []
    stalling = fault_server("stalls", faults={"stalls": body_read_at_first})
    with stalling as server, anyio.fail_after(60), pytest.raises(OutcomeUnknown) as caught:
        await client(server, Deadlines(connect=5, stalled=0.5)).upload(
            UploadCall(HUNDRED_OF_100_KB * 3, ethnicity="white", gender="male"),
            deadline_seconds=600,
            on_sent=lambda n, _: progress.append(n),
        )
    assert caught.value.reason == "timeout"
    assert 3_000_000 < progress[-1] < 40_000_000


async def test_an_upload_rejected_while_sending_is_neither_accepted_nor_not_sent() -> None:
    # Whether the response can still be read is a race with the reset that follows it.
    rejecting = fault_server("no", faults={"no": refused_and_closed_while_sending})
    with rejecting as server, anyio.fail_after(60), pytest.raises((Refused, OutcomeUnknown)):
        await upload(client(server), LARGER_THAN_ANY_BUFFER)
    assert len(server.posts) == 1


@pytest.mark.parametrize("fault", ["status_503", "closed_after_request", "throttled", "html_502"])
async def test_a_read_is_retried_after_a_transient_fault(fault: str) -> None:
    with stamina.set_testing(True, attempts=3), fault_server(fault, fault, "accepted") as server:
        api = ApiframeV1(key=KEY, base_url=server.base_url, deadlines=Deadlines(connect=5, read=15))
        with anyio.fail_after(60):
            assert (await api.fetch(ID)).task_id == ID
        await api.aclose()
    assert len(server.posts) == 3


@pytest.mark.parametrize(
    "fault", ["status_400", "status_401", "status_402", "status_404", "html_200", "redirect_307"]
)
async def test_a_read_is_not_retried_after_a_permanent_fault(fault: str) -> None:
    with stamina.set_testing(True, attempts=3), fault_server(fault) as server:
        api = ApiframeV1(key=KEY, base_url=server.base_url)
        with pytest.raises(ApiframeError), anyio.fail_after(60):
            await api.fetch(ID)
        await api.aclose()
    assert len(server.posts) == 1


async def test_a_silent_connection_leaves_time_for_a_retry() -> None:
    with fault_server("silent", "accepted") as server:
        api = ApiframeV1(key=KEY, base_url=server.base_url, deadlines=Deadlines(connect=5, read=6))
        with anyio.fail_after(60):
            assert (await api.fetch(ID)).task_id == ID
        await api.aclose()
    assert len(server.posts) == 2


async def test_all_attempts_of_a_read_share_one_deadline() -> None:
    with fault_server("silent") as server:
        api = ApiframeV1(key=KEY, base_url=server.base_url, deadlines=Deadlines(connect=2, read=2))
        with pytest.raises(OutcomeUnknown):
            await api.fetch(ID)
        await api.aclose()
    assert len(server.posts) < 3  # Each on its own time, all three attempts would be made.


async def test_an_eleventh_concurrent_read_waits_for_a_connection_and_is_not_sent() -> None:
    release = threading.Event()

    def hold(connection: socket.socket, server: FaultServer) -> None:
        read_request(connection, server)
        release.wait(MAX_SECONDS)
        connection.sendall(answer("200 OK", ACCEPTED))

    answered: list[str | None] = []

    async def check_status(api: ApiframeV1, number: int) -> None:
        answered.append((await api.fetch(f"task-{number}")).task_id)

    held = fault_server("hold", faults={"hold": hold})
    with held as server, anyio.fail_after(60), stamina.set_testing(True, attempts=1):
        api = ApiframeV1(key=KEY, base_url=server.base_url, deadlines=Deadlines(connect=2, read=20))
        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(check_status, api, number)
            while len(server.posts) < 10:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(NotSent) as caught:
                await api.fetch("task-10")
            release.set()
        await api.aclose()
    assert caught.value.reason == "busy"
    assert len(server.posts) == 10
    assert answered == [ID] * 10
