"""The body of a training is multipart form data, made in chunks, whose end is announced."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.api.v2.upload_body import UploadBody

FIELDS = {"name": "AI photos, Zürich", "gender": "non-binary", "ethnicity": 'a "b"; c=\\'}
MAX_CHUNK = 65_536


async def write(body: UploadBody) -> bytes:
    return b"".join([chunk async for chunk in body])


async def collect(body: UploadBody, into: bytearray) -> None:
    async for chunk in body:
        into += chunk


async def check(photos: Sequence[bytes]) -> None:
    body = UploadBody(FIELDS, photos)
    text = await write(body)
    assert len(text) == body.length
    read = BytesParser().parsebytes(f"content-type: {body.content_type}\r\n\r\n".encode() + text)
    parts = [part for part in read.walk() if part is not read]
    contents = [part.get_payload(decode=True) for part in parts]
    assert [part.get_param("name", header="content-disposition") for part in parts] == [
        *FIELDS,
        *["images"] * len(photos),
    ]
    assert contents[: len(FIELDS)] == [value.encode() for value in FIELDS.values()]
    assert [part.get_filename() for part in parts[len(FIELDS) :]] == [
        f"{number:02}.jpg" for number in range(1, len(photos) + 1)
    ]
    assert {part.get_content_type() for part in parts[len(FIELDS) :]} == {"image/jpeg"}
    for number, photo in enumerate(photos):
        assert b'.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + photo + b"\r\n--" in text, number


async def test_a_form_is_exactly_these_bytes() -> None:
    body = UploadBody({"name": "AI", "age": "30"}, [b"one", b"two"])
    boundary = body.content_type.removeprefix("multipart/form-data; boundary=")
    assert (await write(body)).decode().split(f"--{boundary}") == [
        "",
        '\r\nContent-Disposition: form-data; name="name"\r\n\r\nAI\r\n',
        '\r\nContent-Disposition: form-data; name="age"\r\n\r\n30\r\n',
        '\r\nContent-Disposition: form-data; name="images"; filename="01.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\none\r\n",
        '\r\nContent-Disposition: form-data; name="images"; filename="02.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\ntwo\r\n",
        "--\r\n",
    ]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_001])
async def test_photos_of_any_size_are_sent_unchanged(size: int) -> None:
    await check([b"\xff" * size] * 3)


@given(photos=st.lists(st.binary(max_size=100), min_size=1, max_size=30))
async def test_any_photos_are_sent_unchanged(photos: list[bytes]) -> None:
    await check(photos)


async def test_the_end_is_announced_before_the_closing_boundary_and_after_all_else() -> None:
    sent = bytearray()
    announced_at: list[int] = []

    async def announce() -> None:
        announced_at.append(len(sent))

    body = UploadBody(FIELDS, [bytes(100_000)] * 15, before_last_part=announce)
    await collect(body, sent)
    boundary = body.content_type.partition("boundary=")[2].encode()
    assert announced_at == [sent.rindex(b"--" + boundary + b"--\r\n")]
    assert sent.endswith(b"\r\n--" + boundary + b"--\r\n")


async def test_the_last_part_is_not_made_when_its_announcement_fails() -> None:
    sent = bytearray()

    async def refuse() -> None:
        raise RuntimeError("the disk is full")

    body = UploadBody(FIELDS, [bytes(1_000)], before_last_part=refuse)
    with pytest.raises(RuntimeError, match="disk"):
        await collect(body, sent)
    assert sent.count(b"--\r\n") == 0
    assert 0 < body.length - len(sent) < 50


async def test_progress_is_reported_in_small_steps_up_to_the_end() -> None:
    reported: list[tuple[int, int]] = []
    body = UploadBody(FIELDS, [bytes(500_000)] * 10, lambda *now: reported.append(now))
    chunks = [len(chunk) async for chunk in body]
    assert max(chunks) <= MAX_CHUNK
    assert reported == [(sum(chunks[: number + 1]), body.length) for number in range(len(chunks))]
    assert reported[-1][0] == body.length


async def test_only_a_chunk_of_30_megabytes_is_in_memory() -> None:
    photos = [bytes(1_000_000)] * 30
    tracemalloc.start()
    try:
        body = UploadBody(FIELDS, photos)
        length = 0
        async for chunk in body:
            length += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length == body.length > 30_000_000
    assert peak < 1_000_000
