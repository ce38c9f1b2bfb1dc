"""The service of v2 under test: the sandbox, or the real service if a key is given.

APIFRAME_CONTRACT_KEY        a key that begins with afk_ selects the real service; only free calls are made
APIFRAME_CONTRACT_BASE_URL   replaces https://api.apiframe.ai
APIFRAME_CONTRACT_SPEND=yes  allows tests that spend its credits
APIFRAME_CONTRACT_PHOTOS     a folder with 15 to 30 JPEGs, for tests that train
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from PIL import Image

from apiframe_studio.sandbox import SANDBOX_URL, SANDBOX_V2_KEY, Sandbox
from conformance.exchanges import ExchangeLog, deliberately_invalid

API_KEY = os.environ.get("APIFRAME_CONTRACT_KEY", "")
BASE_URL = os.environ.get("APIFRAME_CONTRACT_BASE_URL") or "https://api.apiframe.ai"
REAL = API_KEY.startswith("afk_")
MAY_SPEND = not REAL or os.environ.get("APIFRAME_CONTRACT_SPEND") == "yes"
PHOTOS = os.environ.get("APIFRAME_CONTRACT_PHOTOS", "")
START = 1_790_000_000.0
TRAINING_SECONDS = 20.0
OWN_KEY = "the key of the service under test"
UNKNOWN_ID = "5f0c2f6e-3f0e-4b8e-9a57-0d3f1b6f2c11"

Files = Sequence[tuple[str, tuple[str, bytes]]]


def encode_photo(kind: str = "JPEG") -> bytes:
    """Return a small photo."""
    content = BytesIO()
    Image.effect_noise((64, 64), 90).save(content, kind)
    return content.getvalue()


PHOTO = encode_photo()


def photo_parts(count: int = 15, content: bytes = PHOTO) -> Files:
    """Return the file parts of a training."""
    return [("images", (f"{number:02}.jpg", content)) for number in range(1, count + 1)]


def lora_fields(**fields: str | None) -> dict[str, str]:
    """Return the text fields of a training; None leaves a field out."""
    given = {"name": "AI photos", "gender": "female", "ethnicity": "White", **fields}
    return {name: value for name, value in given.items() if value is not None}


@dataclass
class Service:
    """Plain HTTP to the service under test."""

    client: httpx.AsyncClient
    key: str

    async def call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = OWN_KEY,
        headers: dict[str, str] | None = None,
        valid: bool = True,
        **content: Any,
    ) -> httpx.Response:
        """Send a request. With `key` None it has no key. `valid` says whether the vendor's document allows it."""
        sent = self.key if key == OWN_KEY else key
        keys = {} if sent is None else {"X-API-Key": sent}
        marked: AbstractContextManager[None] = nullcontext() if valid else deliberately_invalid()
        with marked:
            return await self.client.request(method, path, headers=keys | (headers or {}), **content)

    async def create(
        self,
        files: Files | None = None,
        *,
        key: str | None = OWN_KEY,
        valid: bool = True,
        **fields: Any,
    ) -> httpx.Response:
        """`POST /v2/loras`, text fields first."""
        parts = _read_photos() if files is None else files
        return await self.call(
            "POST", "/v2/loras", key=key, valid=valid, data=lora_fields(**fields), files=parts
        )

    async def train(self, **fields: Any) -> str:
        """Start a training and return its id."""
        response = await self.create(**fields)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    async def train_to_the_end(self) -> str:
        """Train in the sandbox and return the id of the LoRA, which is READY."""
        lora_id = await self.train()
        await self.advance(TRAINING_SECONDS)
        return lora_id

    async def generate(
        self, lora_id: str, *, prompt: str = "a portrait", key: str = "", valid: bool = True, **params: object
    ) -> httpx.Response:
        """`POST /v2/images/generate`, with an idempotency key if given."""
        body = {
            "model": "flux-lora",
            "prompt": prompt,
            "fluxLoraParams": {"loraId": lora_id, **params},
        }
        headers = {"Idempotency-Key": key} if key else {}
        return await self.call("POST", "/v2/images/generate", headers=headers, valid=valid, json=body)

    async def read(self, path: str, **parameters: str | int) -> Any:
        """GET a path and return the JSON of a 200."""
        response = await self.call("GET", path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    async def credits(self) -> int:
        """Return the credits of the team."""
        return int((await self.read("/v2/me"))["team"]["credits"])

    async def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        await self.control("clock", advance_seconds=seconds)

    async def behave(self, **behaviour: object) -> None:
        """Replace the sandbox's behaviour."""
        await self.control("behaviour", **behaviour)

    async def control(self, name: str, **body: object) -> None:
        """POST to a control of the sandbox."""
        response = await self.client.post(f"/sandbox/{name}", json=body)
        assert response.status_code == 200, response.text


def _read_photos() -> Files:
    if not REAL:
        return photo_parts()
    paths = sorted(Path(PHOTOS).glob("*.jp*g"))[:30]
    return [("images", (f"{number:02}.jpg", path.read_bytes())) for number, path in enumerate(paths, 1)]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """The service under test."""
    if REAL:
        async with httpx.AsyncClient(base_url=BASE_URL, timeout=120) as client:
            yield Service(client, API_KEY)
            await anyio.sleep(0.2)  # The service allows 500 requests a minute.
        return
    sandbox = Sandbox(api="v2", clock=lambda: START, training_seconds=TRAINING_SECONDS, generation_seconds=10)
    transport = httpx.ASGITransport(ExchangeLog(sandbox.app))
    async with httpx.AsyncClient(transport=transport, base_url=SANDBOX_URL) as client:
        yield Service(client, SANDBOX_V2_KEY)
    sandbox.close()


@pytest.fixture
def spending() -> None:
    """For tests that cost credits."""
    if not MAY_SPEND:
        pytest.skip("spends credits of the real service; allow it with APIFRAME_CONTRACT_SPEND=yes")
    if REAL and not PHOTOS:
        pytest.skip("trains on the real service; name a folder of photos in APIFRAME_CONTRACT_PHOTOS")


@pytest.fixture
def sandbox_only() -> None:
    """For tests that move the sandbox's clock, change its behaviour, or rely on what is not documented."""
    if REAL:
        pytest.skip("needs the sandbox: its clock, its behaviour, or responses that are not documented")
