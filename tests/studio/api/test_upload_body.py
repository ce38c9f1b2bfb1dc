"""The body of an upload is the documented JSON, generated in chunks."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.api.v1.upload_body import UploadBody

MAX_CHUNK = 65_536
FIELDS = {"ethnicity": "white", "gender": "female", "webhook_secret": 'a "quoted" ü\n]}'}


async def written(body: UploadBody) -> bytes:
    return b"".join([piece async for piece in body])


async def check(images: Sequence[bytes]) -> None:
    body = UploadBody(FIELDS, images)
    text = await written(body)
    assert len(text) == body.length
    message = json.loads(text)
    assert list(message) == [*FIELDS, "images"]
    assert message == {**FIELDS, "images": [base64.b64encode(image).decode() for image in images]}


@pytest.mark.parametrize(
    "size", [0, 1, 2, 3, 49_150, 49_151, 49_152, 49_153, 49_154, 49_155, 98_304, 1_000_001]
)
async def test_chunks_of_a_photo_join_to_one_text(size: int) -> None:
    await check([b"\xff" * size] * 3)


@given(images=st.lists(st.binary(max_size=100), min_size=1, max_size=30))
async def test_any_photos_are_sent_unchanged(images: list[bytes]) -> None:
    await check(images)


async def test_a_body_can_be_written_twice() -> None:
    body = UploadBody(FIELDS, [b"one", b"two"])
    assert await written(body) == await written(body)


async def test_progress_is_reported_in_small_steps_up_to_the_end() -> None:
    reports: list[tuple[int, int]] = []
    body = UploadBody(FIELDS, [bytes(500_000)] * 10, lambda *now: reports.append(now))
    pieces = [len(piece) async for piece in body]
    assert max(pieces) <= MAX_CHUNK
    assert reports == [(sum(pieces[: number + 1]), body.length) for number in range(len(pieces))]
    assert reports[-1][0] == body.length


async def test_only_a_chunk_of_30_megabytes_is_in_memory() -> None:
    images = [bytes(1_000_000)] * 30
    tracemalloc.start()
    try:
        body = UploadBody(FIELDS, images)
        length = 0
        async for piece in body:
            length += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length == body.length > 40_000_000
    assert peak < 1_000_000
