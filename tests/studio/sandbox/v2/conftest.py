"""Clients of a v2 sandbox with a fixed clock, and small requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from apiframe_studio.sandbox import SANDBOX_URL, SANDBOX_V2_KEY, Sandbox

START = 1_790_000_000.0
JPEG = b"\xff\xd8\xff" + b"\0" * 20


def connect_v2(sandbox: Sandbox, key: str = SANDBOX_V2_KEY) -> httpx.AsyncClient:
    """Return a client for an embedded sandbox."""
    transport = httpx.ASGITransport(sandbox.app)
    return httpx.AsyncClient(transport=transport, base_url=SANDBOX_URL, headers={"X-API-Key": key})


async def train(client: httpx.AsyncClient, **fields: str) -> str:
    """Start a training and return its id."""
    data = {"name": "AI photos", "gender": "female", "ethnicity": "White", **fields}
    files = [("images", ("1.jpg", JPEG))] * 15
    response = await client.post("/v2/loras", data=data, files=files)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


async def generate(client: httpx.AsyncClient, lora_id: str, **fields: Any) -> str:
    """Queue a job and return its id."""
    body = {"model": "flux-lora", "prompt": "a portrait", "fluxLoraParams": {"loraId": lora_id}, **fields}
    response = await client.post("/v2/images/generate", json=body)
    assert response.status_code == 202, response.text
    return str(response.json()["jobId"])


@pytest.fixture
def sandbox() -> Sandbox:
    """A v2 sandbox in memory with a fixed clock."""
    return Sandbox(api="v2", clock=lambda: START, generation_seconds=10)


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client for `sandbox`."""
    async with connect_v2(sandbox) as client:
        yield client
