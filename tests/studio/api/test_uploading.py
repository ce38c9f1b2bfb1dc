"""Uploading photos to the sandbox, which decodes them, and to a socket that records the bytes."""

from __future__ import annotations

import json
import socket
import tracemalloc
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from PIL import Image
from pydantic import SecretStr

from apiframe_studio.api.errors import InvalidKey, Refused
from apiframe_studio.api.provider import ImageCall, Kind, TaskState, TrainingCall, UploadCall
from apiframe_studio.api.v1.client import ApiframeV1
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox
from apiframe_studio.sandbox.server import serve

from ...faults.fault_server import ACCEPTED, FaultServer, answer, fault_server, read_part_of_request
from .conftest import Service

START = 1_790_000_000.0
HOSTS = [".apiframe.pro"]
PERSON: dict[str, Any] = {"ethnicity": "black", "gender": "female"}


def photo(number: int, size: int = 300) -> bytes:
    """Return a unique JPEG."""
    file = BytesIO()
    Image.effect_noise((size, size), 20 + number).save(file, "JPEG", quality=95)
    return file.getvalue()


PHOTOS = [photo(number) for number in range(30)]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(clock=lambda: START)
    yield made
    made.close()


@pytest.fixture
def api(sandbox: Sandbox) -> ApiframeV1:
    return ApiframeV1(key=SecretStr(SANDBOX_KEY), base_url=SANDBOX_URL, app=sandbox.app)


@pytest.mark.parametrize("count", [10, 11, 30])
async def test_10_to_30_photos_become_a_trainable_set(api: ApiframeV1, sandbox: Sandbox, count: int) -> None:
    with anyio.fail_after(60):
        accepted = await api.upload(UploadCall(PHOTOS[:count], **PERSON, age=41), deadline_seconds=60)
        assert (await api.fetch(accepted.task_id or "")).state is TaskState.QUEUED
        await sandbox.advance(2)
        task = await api.fetch(accepted.task_id or "")
    assert (task.task_id, task.state, task.kind) == (accepted.task_id, TaskState.FINISHED, Kind.UPLOAD)
    assert task.expires_at is not None
    assert (await api.account()).credits == 12_000 - 2


@pytest.mark.parametrize(
    ("photos", "fields", "named"),
    [
        (PHOTOS[:9], {}, "images"),
        ([*PHOTOS, PHOTOS[0]], {}, "images"),
        ([*PHOTOS[:10], PHOTOS[0][:2000]], {}, "images[10]"),
        ([*PHOTOS[:10], b""], {}, "images"),
        (PHOTOS[:10], {"ethnicity": "martian"}, "ethnicity"),
        (PHOTOS[:10], {"gender": "f"}, "gender"),
        (PHOTOS[:10], {"age": -1}, "age"),
    ],
    ids=["nine", "thirty-one", "half a photo", "an empty one", "ethnicity", "gender", "age"],
)
async def test_a_rejected_upload_costs_nothing_and_has_a_reason(
    api: ApiframeV1, photos: list[bytes], fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(Refused) as caught:
        await api.upload(UploadCall(photos, **{**PERSON, **fields}), deadline_seconds=60)
    assert caught.value.status == 400
    assert named in caught.value.message
    assert (await api.account()).credits == 12_000


async def test_only_given_fields_are_sent_to_the_service() -> None:
    service = Service({"/ai-photo-upload": ACCEPTED})
    api = ApiframeV1(key=SecretStr("key"), app=service)
    await api.upload(UploadCall([b"one"] * 10, **PERSON), deadline_seconds=60)
    given: dict[str, Any] = {"age": 0}
    await api.upload(UploadCall([b"one"] * 10, **PERSON, **given), deadline_seconds=60)
    images = {"images": ["b25l"] * 10}
    assert service.asked == [
        ("/ai-photo-upload", {**PERSON, **images}),
        ("/ai-photo-upload", {**PERSON, **given, **images}),
    ]


async def test_an_upload_is_one_request_of_known_length_on_a_separate_connection() -> None:
    with fault_server("accepted") as server, anyio.fail_after(60):
        api = ApiframeV1(key=SecretStr("key-of-a-test"), base_url=server.base_url)
        for _ in range(2):
            assert (await api.upload(UploadCall(PHOTOS, **PERSON), deadline_seconds=60)).task_id == ACCEPTED[
                "task_id"
            ]
    assert server.connections == 2
    for post in server.posts:
        assert post.target == "/ai-photo-upload"
        assert int(post.headers["content-length"]) == len(post.body)
        assert "transfer-encoding" not in post.headers
        assert post.headers["connection"] == "close"
        assert post.headers["content-type"] == "application/json"
        assert post.headers["authorization"] == "key-of-a-test"
        assert len(json.loads(post.body)["images"]) == 30


async def test_an_unusable_key_is_reported_before_a_photo_is_read() -> None:
    service = Service()
    with pytest.raises(InvalidKey):
        await ApiframeV1(key=None, app=service).upload(UploadCall(PHOTOS, **PERSON), deadline_seconds=60)
    assert service.asked == []


def discarding(connection: socket.socket, server: FaultServer) -> None:
    """Accept an upload without keeping it."""
    read_part_of_request(connection, server)
    left = int(server.posts[-1].headers["content-length"]) - len(server.posts[-1].body)
    while left:
        left -= len(connection.recv(65536))
    connection.sendall(answer("200 OK", ACCEPTED))


async def test_an_upload_of_30_megabytes_is_never_in_memory_as_a_whole() -> None:
    photos = [bytes(1_000_000) for _ in range(30)]
    with fault_server("discarding", faults={"discarding": discarding}) as server, anyio.fail_after(60):
        api = ApiframeV1(key=SecretStr("key-of-a-test"), base_url=server.base_url)
        await api.upload(
            UploadCall(photos[:10], **PERSON), deadline_seconds=60
        )  # Late imports happen now, before the measurement.
        tracemalloc.start()
        try:
            await api.upload(UploadCall(photos, **PERSON), deadline_seconds=60)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 3_000_000


async def test_other_tasks_run_while_photos_are_sent_to_a_service_that_never_waits() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await checkpoint()
            turns += 1

    api = ApiframeV1(key=SecretStr("key"), app=Service({"/ai-photo-upload": ACCEPTED}))
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(count_turns)
            await api.upload(UploadCall([bytes(500_000)] * 10, **PERSON), deadline_seconds=60)
            group.cancel_scope.cancel()
    assert turns > 50


async def test_an_upload_over_a_real_port() -> None:
    sandbox = Sandbox(clock=lambda: START)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:

            async def listen(*, task_status: anyio.abc.TaskStatus[str]) -> None:
                await serve(sandbox=sandbox, task_status=task_status)

            base_url = await group.start(listen)
            api = ApiframeV1(key=SecretStr(SANDBOX_KEY), base_url=base_url)
            photos = await api.upload(UploadCall(PHOTOS[:12], **PERSON), deadline_seconds=60)
            await sandbox.advance(2)
            training = await api.train(TrainingCall(photos.task_id or ""))
            await sandbox.advance(20)
            word = (await api.fetch(training.task_id or "")).trigger_word
            made = await api.generate(
                ImageCall(training.task_id or "", f"{word} on a beach", number_of_images=2),
                deadline_seconds=60,
            )
            images = [
                await api.download(url, hosts=HOSTS, deadline_seconds=60, max_bytes=10_000_000)
                for url in made.image_urls
            ]
            await api.aclose()
            group.cancel_scope.cancel()
    sandbox.close()
    assert [image.media_type for image in images] == ["image/png"] * 2
    assert all(Image.open(BytesIO(image.data)).size == (1024, 1024) for image in images)
