"""Starting a training: the request as a socket receives it, its end, and every kind of answer."""

from __future__ import annotations

import socket
import threading
import tracemalloc
from typing import Any

import anyio
import anyio.to_thread
import pytest
from pydantic import SecretStr

from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    Conflict,
    InsufficientCredits,
    InvalidKey,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TooManyTrainings,
)
from apiframe_studio.api.provider import Accepted, TrainingCall, UploadCall
from apiframe_studio.api.v2.client import ApiframeV2

from ....faults.fault_server import (
    MAX_SECONDS,
    FaultServer,
    Recorded,
    answer,
    fault_server,
    read_part_of_request,
    read_request,
)
from .conftest import CALL, KEY, PHOTOS, Request, Service, task_id

ACCEPTED = (202, {"id": task_id(1), "status": "PENDING", "imageCount": 15})


def accepting(connection: socket.socket, server: FaultServer) -> None:
    read_request(connection, server)
    connection.sendall(answer("202 Accepted", ACCEPTED[1]))


def discarding(connection: socket.socket, server: FaultServer) -> None:
    """Accept an upload without keeping it."""
    read_part_of_request(connection, server)
    left = int(server.posts[-1].headers["content-length"]) - len(server.posts[-1].body)
    while left:
        left -= len(connection.recv(65536))
    connection.sendall(answer("202 Accepted", ACCEPTED[1]))


def end_of(post: Recorded) -> bytes:
    """Return the closing boundary of a form."""
    return f"--{post.headers['content-type'].partition('boundary=')[2]}--\r\n".encode()


async def test_a_training_is_one_form_of_known_length_on_a_separate_connection() -> None:
    with fault_server("yes", faults={"yes": accepting}) as server, anyio.fail_after(60):
        api = ApiframeV2(key=SecretStr(KEY), base_url=server.base_url)
        for _ in range(2):
            assert await api.train(CALL, deadline_seconds=60) == Accepted(task_id(1))
    assert server.connections == 2
    for post in server.posts:
        assert (post.method, post.target) == ("POST", "/v2/loras")
        assert int(post.headers["content-length"]) == len(post.body)
        assert post.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert post.headers["x-api-key"] == KEY
        assert post.headers["connection"] == "close"
        assert not {"authorization", "transfer-encoding", "cookie", "idempotency-key"} & set(post.headers)


async def test_the_form_has_the_documented_fields_and_then_the_photos(
    api: ApiframeV2, service: Service
) -> None:
    service.answers["POST /v2/loras"] = ACCEPTED
    await api.train(CALL, deadline_seconds=60)
    parts = service.requests[0].parts()
    fields = {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
        for part in parts[:-15]
    }
    assert fields == {
        "name": b"AI photos [tr-4k7m2p9-k3fa-2]",
        "subjectKind": b"person",
        "gender": b"non-binary",
        "ethnicity": b"Mixed",
        "age": b"early 30s",
    }
    assert [part.get_payload(decode=True) for part in parts[-15:]] == PHOTOS


async def test_only_given_fields_are_sent_and_a_word_or_a_secret_never(
    api: ApiframeV2, service: Service
) -> None:
    service.answers["POST /v2/loras"] = ACCEPTED
    call = TrainingCall(
        photos=PHOTOS,
        gender="female",
        ethnicity="white",
        webhook_url="https://hook.example/1",
        webhook_secret=SecretStr("s3cret-of-a-test"),
        trigger_word="TOKSIS",
    )
    await api.train(call, deadline_seconds=60)
    parts = service.requests[0].parts()[:-15]
    assert [part.get_param("name", header="content-disposition") for part in parts] == [
        "name",
        "subjectKind",
        "gender",
        "ethnicity",
        "webhookUrl",
    ]
    assert parts[0].get_payload() == "AI photos"
    assert b"s3cret" not in service.requests[0].body
    assert b"TOKSIS" not in service.requests[0].body


async def test_a_training_that_is_not_announced_is_never_complete_at_the_service() -> None:
    """Whatever the announcement raises ends the request, and the socket never receives the closing boundary."""
    received = bytearray()
    has_all_but_the_end = threading.Event()

    def collect(connection: socket.socket, server: FaultServer) -> None:
        read_part_of_request(connection, server)
        (post,) = server.posts
        received.extend(post.body)
        all_but_the_end = int(post.headers["content-length"]) - len(end_of(post))
        while chunk := connection.recv(65536) if len(received) < all_but_the_end else b"":
            received.extend(chunk)
        has_all_but_the_end.set()
        while chunk := connection.recv(65536):
            received.extend(chunk)

    async def refuse() -> None:
        await anyio.to_thread.run_sync(has_all_but_the_end.wait, MAX_SECONDS)
        raise RuntimeError("the ledger is read-only")

    with fault_server("collect", faults={"collect": collect}) as server, anyio.fail_after(60):
        api = ApiframeV2(key=SecretStr(KEY), base_url=server.base_url)
        with pytest.raises(RuntimeError, match="read-only"):
            await api.train(CALL, deadline_seconds=60, before_last_part=refuse)
    (post,) = server.posts
    assert int(post.headers["content-length"]) - len(received) == len(end_of(post))
    assert end_of(post) not in received


async def test_the_end_is_announced_once_and_before_the_service_has_everything() -> None:
    progress: list[tuple[int, int]] = []
    announced: list[int] = []

    async def announce() -> None:
        announced.append(progress[-1][0])

    with fault_server("yes", faults={"yes": accepting}) as server, anyio.fail_after(60):
        api = ApiframeV2(key=SecretStr(KEY), base_url=server.base_url)
        await api.train(
            CALL,
            deadline_seconds=60,
            on_sent=lambda *now: progress.append(now),
            before_last_part=announce,
        )
    length = int(server.posts[0].headers["content-length"])
    assert progress[-1] == (length, length)
    assert len(announced) == 1
    assert announced[0] < length


async def test_an_upload_that_is_cut_off_was_never_announced() -> None:
    announced: list[bool] = []

    async def announce() -> None:
        announced.append(True)

    def closing(connection: socket.socket, server: FaultServer) -> None:
        read_part_of_request(connection, server)

    call = TrainingCall(photos=[bytes(1_000_000)] * 20, gender="male", ethnicity="Asian")
    with fault_server("no", faults={"no": closing}) as server, anyio.fail_after(60):
        api = ApiframeV2(key=SecretStr(KEY), base_url=server.base_url)
        with pytest.raises(OutcomeUnknown):
            await api.train(call, deadline_seconds=60, before_last_part=announce)
    assert announced == []


async def test_an_upload_of_30_megabytes_is_never_in_memory_as_a_whole() -> None:
    photos = [bytes(1_000_000) for _ in range(30)]
    with fault_server("discarding", faults={"discarding": discarding}) as server, anyio.fail_after(120):
        api = ApiframeV2(key=SecretStr(KEY), base_url=server.base_url)
        await api.train(CALL, deadline_seconds=60)  # whatever is imported late is imported now
        tracemalloc.start()
        try:
            await api.train(TrainingCall(photos=photos), deadline_seconds=60)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 3_000_000


async def test_an_unusable_key_is_reported_before_a_photo_is_read(service: Service) -> None:
    for key in (None, SecretStr(" "), SecretStr("${KEY}"), SecretStr("Bearer afk_0123456789")):
        with pytest.raises(InvalidKey):
            await ApiframeV2(key=key, app=service).train(CALL, deadline_seconds=60)
    assert service.requests == []


CUT_ID = b'{"id":"' + task_id(1).encode() + b'"'
TOO_MANY = {"error": "Maximum concurrent trainings reached"}


@pytest.mark.parametrize(
    ("status", "content", "error", "facts"),
    [
        (400, {"error": "Validation failed", "details": {"images": ["Too small: 14"]}}, Refused, {}),
        (401, {"error": "API key is required"}, AuthenticationFailed, {}),
        (403, {"error": "API key is inactive"}, AuthenticationFailed, {}),
        (
            402,
            {"error": "Insufficient credits", "creditsRequired": 2, "creditsAvailable": 1},
            InsufficientCredits,
            {"required": 2, "available": 1},
        ),
        (402, {"error": "Insufficient credits"}, InsufficientCredits, {"required": None, "available": None}),
        (
            402,
            {"creditsRequired": "2", "creditsAvailable": -1},
            InsufficientCredits,
            {"required": None, "available": None},
        ),
        (409, {"error": "Key reused"}, Conflict, {"reason": "odd_status"}),
        (413, b"<html>", Refused, {}),
        (422, {}, Refused, {}),
        (429, {"error": "Rate limit exceeded"}, RateLimited, {"retry_after": None}),
        (429, TOO_MANY, TooManyTrainings, {"retry_after": None}),
        (500, {}, OutcomeUnknown, {"reason": "server_error"}),
        (502, b"<html>", OutcomeUnknown, {"reason": "server_error"}),
        (503, {"error": "Failed to enqueue training"}, OutcomeUnknown, {"reason": "server_error"}),
        (202, b"<html>", OutcomeUnknown, {"reason": "not_json", "task_id": None}),
        (202, CUT_ID, OutcomeUnknown, {"reason": "not_json", "task_id": task_id(1)}),
        (202, b'{"team":' + CUT_ID, OutcomeUnknown, {"reason": "not_json", "task_id": None}),
        (202, CUT_ID[:-1], OutcomeUnknown, {"reason": "not_json", "task_id": None}),
        (202, {"jobId": task_id(1)}, OutcomeUnknown, {"reason": "no_task_id"}),
        (202, {"id": "has space"}, OutcomeUnknown, {"reason": "no_task_id"}),
        (202, {"id": 7}, OutcomeUnknown, {"reason": "no_task_id"}),
        (202, {"id": KEY}, OutcomeUnknown, {"reason": "no_task_id"}),
    ],
)
async def test_an_answer_to_a_training_has_one_meaning(
    api: ApiframeV2,
    service: Service,
    status: int,
    content: object,
    error: type[ApiframeError],
    facts: dict[str, Any],
) -> None:
    service.answers["POST /v2/loras"] = (status, content)
    with pytest.raises(ApiframeError) as caught:
        await api.train(CALL, deadline_seconds=60)
    assert type(caught.value) is error
    assert {name: getattr(caught.value, name) for name in facts} == facts
    assert len(service.requests) == 1


async def test_a_rate_limit_with_a_time_is_not_the_cap_of_the_team(api: ApiframeV2, service: Service) -> None:
    service.headers.append((b"retry-after", b"7"))
    service.answers["POST /v2/loras"] = (429, TOO_MANY)
    with pytest.raises(RateLimited) as caught:
        await api.train(CALL, deadline_seconds=60)
    assert (type(caught.value), caught.value.retry_after) == (RateLimited, 7.0)


async def test_a_refused_connection_means_not_sent() -> None:
    with fault_server("refused") as server, pytest.raises(NotSent):
        await ApiframeV2(key=SecretStr(KEY), base_url=server.base_url).train(CALL, deadline_seconds=60)


async def test_an_embedded_service_gets_the_same_form(api: ApiframeV2, service: Service) -> None:
    def check(request: Request) -> object:
        return ACCEPTED if len(request.body) == int(request.headers["content-length"]) else (400, {})

    service.answers["POST /v2/loras"] = check
    assert (await api.train(CALL, deadline_seconds=60)).task_id == task_id(1)


async def test_v2_has_no_upload_before_the_training(api: ApiframeV2, service: Service) -> None:
    with pytest.raises(TypeError, match="rule this call out"):
        await api.upload(UploadCall(PHOTOS, gender="male", ethnicity="white"), deadline_seconds=60)
    assert service.requests == []
