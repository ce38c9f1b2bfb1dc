"""The emulator on a port, and plain HTTP and our client to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from io import BytesIO

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr

from apiframe_studio.api.v2.client import ApiframeV2

from .serving import KEY, Emulator, emulator


@pytest.fixture
async def emulated() -> AsyncGenerator[Emulator]:
    """The emulator with 1000 credits, until the test ends."""
    async with emulator() as running:
        yield running


@pytest.fixture
async def http(emulated: Emulator) -> AsyncGenerator[httpx.AsyncClient]:
    """Plain HTTP with a valid key."""
    async with httpx.AsyncClient(base_url=emulated.base_url, headers={"X-API-Key": KEY}) as client:
        yield client


@pytest.fixture
async def api(emulated: Emulator) -> AsyncGenerator[ApiframeV2]:
    """Our client."""
    client = ApiframeV2(key=SecretStr(KEY), base_url=emulated.base_url)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A small photo."""
    body = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(body, "JPEG")
    return body.getvalue()
