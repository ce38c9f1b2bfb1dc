"""`apiframe-photo-mcp sandbox`, called by other programs and by pages in a browser of this machine."""

from __future__ import annotations

import socket
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import httpx
import pytest

from .program import Wire, running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = pytest.mark.slow

KEY = {"Authorization": "any-key"}
FOREIGN_HOST = {"Host": "rebound.example"}
REJECTED: dict[str, tuple[dict[str, str], int]] = {
    "the name of another host": (FOREIGN_HOST, 421),
    "the name of another host with our port": ({"Host": "rebound.example:8788"}, 421),
    "a name that begins with localhost": ({"Host": "localhost.example"}, 421),
    "an address of the network": ({"Host": "192.168.0.7:8788"}, 421),
    "an empty name": ({"Host": ""}, 421),
    "a page of another site": ({"Origin": "https://elsewhere.example"}, 403),
    "a page without an origin": ({"Origin": "null"}, 403),
    "a cross-site request without an origin": ({"Sec-Fetch-Site": "cross-site"}, 403),
}
ALLOWED: dict[str, dict[str, str]] = {
    "a client": {},
    "another name of this machine": {"Host": "LOCALHOST:1"},
    "an IPv6 address of this machine": {"Host": "[::1]:1"},
    "a page of this machine": {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
    "a typed URL": {"Sec-Fetch-Site": "none"},
}
WEBHOOKS = {
    "https://example.org/hook": 200,
    "http://127.0.0.1:9/hook": 200,
    "http://192.168.0.7/hook": 400,
    "http://169.254.169.254/latest/meta-data": 400,
    "https://me:word@example.org/hook": 400,
}


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncGenerator[Wire]:
    async with running("sandbox", "--port", "0", folder=tmp_path) as wire:
        try:
            yield wire
        finally:
            wire.process.terminate()


async def _base_url(wire: Wire) -> str:
    return (await wire.err_until("listening on ")).partition("listening on ")[2]


async def test_only_programs_and_pages_of_this_machine_are_served(wire: Wire) -> None:
    async with httpx.AsyncClient(base_url=await _base_url(wire), headers=KEY) as client:
        for name, (headers, status) in REJECTED.items():
            for path in ("/sandbox/clock", "/sandbox/reset", "/ai-photo-train"):
                body: Any = {"advance_seconds": 60, "training_images_id": "sandbox-person"}
                response = await client.post(path, json=body, headers=headers)
                assert (name, path, response.status_code) == (name, path, status)
                assert "127.0.0.1" in response.json()["errors"][0]["msg"]
        for name, headers in ALLOWED.items():
            response = await client.get("/sandbox/log", headers=headers)
            assert (name, response.status_code, response.json()) == (name, 200, {"paid": 0, "requests": []})
        assert (await client.get("/sandbox/clock")).json()["offset_seconds"] == 0
    assert wire.err.count("\n") == 2


async def test_responses_have_the_date_of_the_sandboxs_clock(wire: Wire) -> None:
    async with httpx.AsyncClient(base_url=await _base_url(wire), headers=KEY) as client:
        before = parsedate_to_datetime((await client.get("/account")).headers["date"])
        await client.post("/sandbox/clock", json={"advance_seconds": 90_000})
        dates = (await client.get("/account")).headers.get_list("date")
    assert [parsedate_to_datetime(date) - before > timedelta(hours=24) for date in dates] == [True]


async def test_v2_takes_an_upload_and_its_images_need_no_key(tmp_path: Path) -> None:
    async with running("sandbox", "--api", "v2", "--port", "0", folder=tmp_path) as wire:
        address = await _base_url(wire)
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            client.headers["X-API-Key"] = "afk_sandbox"
            photo = ("images", ("01.jpg", b"\xff\xd8\xff" + b"\0" * 1_500_000))
            fields = {"name": "x", "gender": "female", "ethnicity": "White"}
            lora = (await client.post("/v2/loras", data=fields, files=[photo] * 15)).json()
            await client.post("/sandbox/clock", json={"advance_seconds": 3600})
            body = {"model": "flux-lora", "prompt": "x", "fluxLoraParams": {"loraId": lora["id"]}}
            job = (await client.post("/v2/images/generate", json=body)).json()
            (url,) = (await client.get(f"/v2/jobs/{job['jobId']}")).json()["result"]["images"]
            del client.headers["X-API-Key"]
            assert (await client.get(url)).headers["content-type"] == "image/png"
        wire.process.terminate()


async def test_a_webhook_url_is_accepted_only_if_the_tools_accept_it(wire: Wire) -> None:
    async with httpx.AsyncClient(base_url=await _base_url(wire), headers=KEY) as client:
        for url, status in WEBHOOKS.items():
            body = {"training_images_id": "sandbox-person", "webhook_url": url}
            response = await client.post("/ai-photo-train", json=body)
            assert (url, response.status_code) == (url, status)


async def test_an_aborted_request_is_logged_without_a_traceback(wire: Wire) -> None:
    address = await _base_url(wire)
    host, _, port = address.removeprefix("http://").partition(":")

    def abort() -> None:
        head = (
            f"POST /ai-photo-train HTTP/1.1\r\nHost: {host}\r\nAuthorization: k\r\nContent-Length: 99\r\n\r\n"
        )
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(head.encode() + b'{"training')

    await anyio.to_thread.run_sync(abort)
    async with httpx.AsyncClient(base_url=address, headers=KEY) as client:
        with anyio.fail_after(60):
            while not (log := (await client.get("/sandbox/log")).json())["requests"]:
                await anyio.lowlevel.checkpoint()
    assert [(entry["path"], entry["status"]) for entry in log["requests"]] == [("/ai-photo-train", 400)]
    assert wire.err.count("\n") == 2, wire.err
