"""The service that the contract tests speak to: the sandbox, or the real one, given its address and a key.

APIFRAME_CONTRACT_BASE_URL and APIFRAME_CONTRACT_API_KEY  the real service
APIFRAME_CONTRACT_SPEND=yes                               tests that spend its credits may run
APIFRAME_CONTRACT_IMAGES_ID                               a photo set it knows, needed by those that train
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox

BASE_URL = os.environ.get("APIFRAME_CONTRACT_BASE_URL", "")
API_KEY = os.environ.get("APIFRAME_CONTRACT_API_KEY", "")
REAL = bool(BASE_URL and API_KEY)
MAY_SPEND = not REAL or os.environ.get("APIFRAME_CONTRACT_SPEND") == "yes"
START = 1_790_000_000.0
OWN_KEY = "the key of the service under test"


@dataclass
class Service:
    """Plain HTTP to whichever service is under test."""

    client: httpx.AsyncClient
    key: str
    photos: str = "sandbox-person"

    async def post(self, path: str, body: object = None, *, key: str | None = OWN_KEY) -> httpx.Response:
        """POST `body` as JSON, or as it is when it is bytes. `key` None sends no Authorization at all."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.client.post(path, headers=self._headers(key), **content)

    async def get(self, path: str, *, key: str | None = OWN_KEY) -> httpx.Response:
        """GET a path."""
        return await self.client.get(path, headers=self._headers(key))

    async def train(self, **fields: object) -> str:
        """Start a training and give its task_id."""
        answer = await self.post("/ai-photo-train", {"training_images_id": self.photos, **fields})
        assert answer.status_code == 200, answer.text
        task_id = answer.json()["task_id"]
        assert isinstance(task_id, str)
        return task_id

    async def fetch(self, task_id: str) -> dict[str, Any]:
        """The task's JSON."""
        answer = await self.post("/fetch", {"task_id": task_id})
        assert answer.status_code == 200, answer.text
        task: dict[str, Any] = answer.json()
        return task

    async def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        answer = await self.post("/sandbox/clock", {"advance_seconds": seconds})
        assert answer.status_code == 200, answer.text

    def _headers(self, key: str | None) -> dict[str, str]:
        sent = self.key if key == OWN_KEY else key
        return {"Content-Type": "application/json"} | ({} if sent is None else {"Authorization": sent})


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """The service under test."""
    if REAL:
        photos = os.environ.get("APIFRAME_CONTRACT_IMAGES_ID", "")
        async with httpx.AsyncClient(base_url=BASE_URL, timeout=30) as client:
            yield Service(client, API_KEY, photos)
        return
    sandbox = Sandbox(clock=lambda: START)
    transport = httpx.ASGITransport(sandbox.app)
    async with httpx.AsyncClient(transport=transport, base_url=SANDBOX_URL) as client:
        yield Service(client, SANDBOX_KEY)
    sandbox.close()


@pytest.fixture
def spending(service: Service) -> None:
    """Asked for by tests that cost credits."""
    if not MAY_SPEND:
        pytest.skip("spends credits of the real service; APIFRAME_CONTRACT_SPEND=yes allows it")
    if REAL and not service.photos:
        pytest.skip("trains on the real service; APIFRAME_CONTRACT_IMAGES_ID names the photo set")


@pytest.fixture
def sandbox_only() -> None:
    """Asked for by tests that move the sandbox's clock, use its ready photo sets or what only it fixes."""
    if REAL:
        pytest.skip(
            "uses what only the sandbox has: its clock, its photo sets, or answers documented nowhere"
        )
