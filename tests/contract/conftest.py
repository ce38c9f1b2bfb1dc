"""The service under test: the sandbox, or the real service if its base URL and a key are given.

APIFRAME_CONTRACT_BASE_URL and APIFRAME_CONTRACT_API_KEY  select the real service
APIFRAME_CONTRACT_SPEND=yes                               allows tests that spend its credits
APIFRAME_CONTRACT_IMAGES_ID                               a photo set of the service, for tests that train
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
    """Plain HTTP to the service under test."""

    client: httpx.AsyncClient
    key: str
    photos: str = "sandbox-person"

    async def post(self, path: str, body: object = None, *, key: str | None = OWN_KEY) -> httpx.Response:
        """POST `body` as JSON, or unchanged if it is bytes. With `key` None, no Authorization header is sent."""
        content: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.client.post(path, headers=self._headers(key), **content)

    async def get(self, path: str, *, key: str | None = OWN_KEY) -> httpx.Response:
        """GET a path."""
        return await self.client.get(path, headers=self._headers(key))

    async def train(self, **fields: object) -> str:
        """Start a training and return its task_id."""
        response = await self.post("/ai-photo-train", {"training_images_id": self.photos, **fields})
        assert response.status_code == 200, response.text
        task_id = response.json()["task_id"]
        assert isinstance(task_id, str)
        return task_id

    async def fetch(self, task_id: str) -> dict[str, Any]:
        """Return the task's JSON."""
        response = await self.post("/fetch", {"task_id": task_id})
        assert response.status_code == 200, response.text
        task: dict[str, Any] = response.json()
        return task

    async def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        response = await self.post("/sandbox/clock", {"advance_seconds": seconds})
        assert response.status_code == 200, response.text

    def _headers(self, key: str | None) -> dict[str, str]:
        sent = self.key if key == OWN_KEY else key
        return {"Content-Type": "application/json"} | ({} if sent is None else {"Authorization": sent})


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """The service under test."""
    if REAL:
        photos = os.environ.get("APIFRAME_CONTRACT_IMAGES_ID", "")
        async with httpx.AsyncClient(base_url=BASE_URL, timeout=60) as client:
            yield Service(client, API_KEY, photos)
        return
    sandbox = Sandbox(clock=lambda: START)
    transport = httpx.ASGITransport(sandbox.app)
    async with httpx.AsyncClient(transport=transport, base_url=SANDBOX_URL) as client:
        yield Service(client, SANDBOX_KEY)
    sandbox.close()


@pytest.fixture
def spending(service: Service) -> None:
    """For tests that cost credits."""
    if not MAY_SPEND:
        pytest.skip("spends credits of the real service; allow it with APIFRAME_CONTRACT_SPEND=yes")
    if REAL and not service.photos:
        pytest.skip("trains on the real service; name a photo set in APIFRAME_CONTRACT_IMAGES_ID")


@pytest.fixture
def sandbox_only() -> None:
    """For tests that move the sandbox's clock, use its ready photo sets or rely on undocumented responses."""
    if REAL:
        pytest.skip("needs the sandbox: its clock, its photo sets, or responses that are not documented")
