"""The sandbox responds to any request body and any key as the contract says and never fails."""

from __future__ import annotations

import json

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox

from .conftest import START

PATHS = (
    "/ai-photo-upload",
    "/ai-photo-train",
    "/ai-photo-generate",
    "/fetch",
    "/fetch-many",
    "/sandbox/clock",
)
FIELDS = [
    "training_images_id",
    "trigger_word",
    "webhook_url",
    "webhook_secret",
    "task_id",
    "task_ids",
    "images",
    "ethnicity",
    "gender",
    "age",
    "training_id",
    "prompt",
    "aspect_ratio",
    "width",
    "height",
    "number_of_images",
    "seed",
    "advance_seconds",
]

KNOWN = st.sampled_from(
    ["sandbox-person", "sandbox-expired", "", "1", "custom", "white", "http://a:0", "http://[::1"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | KNOWN,
    lambda inner: st.lists(inner, max_size=21) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=25,
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), VALUES).map(lambda body: json.dumps(body).encode())
BODIES = OBJECTS | VALUES.map(lambda value: json.dumps(value).encode()) | st.binary()
HEADERS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip)

pytestmark = pytest.mark.slow
FUZZ = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def post(path: str, body: bytes, key: str = SANDBOX_KEY) -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(Sandbox(clock=lambda: START).app)
        async with httpx.AsyncClient(transport=transport, base_url=SANDBOX_URL) as client:
            return await client.post(path, content=body, headers={"Authorization": key})

    return anyio.run(call)


@FUZZ
@given(st.sampled_from(PATHS), BODIES)
def test_any_body_gets_an_object_with_status_200_400_402_or_404(path: str, body: bytes) -> None:
    response = post(path, body)
    assert response.status_code in {200, 400, 402, 404}
    assert isinstance(response.json(), dict)


@FUZZ
@given(HEADERS)
def test_any_key_is_accepted_or_rejected_and_a_v2_key_is_recognized(key: str) -> None:
    response = post("/fetch", b'{"task_id": "sandbox-person"}', key)
    assert response.status_code in {200, 400, 401}
    assert (response.status_code == 400) == key.startswith("afk_")
