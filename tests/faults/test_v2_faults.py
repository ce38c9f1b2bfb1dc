"""Each fault of a paid v2 request raises the error that says whether money may have been spent."""

from __future__ import annotations

import sys

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.provider import Deadlines, ImageCall, Marker, TrainingCall
from apiframe_studio.api.v2.client import ApiframeV2

from .fault_server import ACCEPTED, FaultServer, fault_server
from .test_api_faults import EXPECTED, LARGER_THAN_ANY_BUFFER, LONG, SHORT

KEY = SecretStr("afk_test-key-0123456789")
ID = ACCEPTED["id"]


def client(server: FaultServer, deadlines: Deadlines) -> ApiframeV2:
    return ApiframeV2(key=KEY, base_url=server.base_url, deadlines=deadlines)


async def train(api: ApiframeV2, size: int, seconds: float) -> str | None:
    photos = [b"\xff\xd8\xff" + bytes(size // 15)] * 15
    call = TrainingCall(
        photos=photos, gender="female", ethnicity="white", marker=Marker("tr-0123456", "abcd", 1)
    )
    return (await api.train(call, deadline_seconds=seconds)).task_id


async def generate(api: ApiframeV2, size: int, seconds: float) -> str | None:
    call = ImageCall("lora-0123", "P" * size, idempotency_key="apm-1")
    return (await api.generate(call, deadline_seconds=seconds)).task_id


PAID = {"train": train, "generate": generate}


@pytest.mark.slow
@pytest.mark.parametrize("fault", EXPECTED)
@pytest.mark.parametrize("paid", PAID)
async def test_a_faulty_paid_request_raises_the_expected_error_and_is_sent_once(
    paid: str, fault: str
) -> None:
    if fault == "full_accept_queue" and sys.platform != "linux":
        pytest.skip("other systems accept more connections than requested")
    expected = EXPECTED[fault]
    size = LARGER_THAN_ANY_BUFFER if fault == "never_reads" else 1_000
    deadlines = SHORT if expected.reason == "timeout" else LONG
    with fault_server(fault) as server, anyio.fail_after(60), pytest.raises(ApiframeError) as caught:
        await PAID[paid](client(server, deadlines), size, deadlines.paid)
    error = caught.value
    assert type(error) is expected.error
    assert str(getattr(error, "reason", "")) == expected.reason
    assert getattr(error, "task_id", None) == expected.task_id
    assert getattr(error, "retry_after", None) == expected.retry_after
    assert server.connections <= 1
    assert len(server.posts) <= 1


@pytest.mark.parametrize("paid", PAID)
async def test_an_accepted_request_returns_its_id(paid: str) -> None:
    with fault_server("accepted") as server, anyio.fail_after(60):
        assert await PAID[paid](client(server, LONG), 1_000, LONG.paid) == ID
