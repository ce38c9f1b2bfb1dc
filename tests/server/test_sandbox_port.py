"""`apiframe-photo-mcp sandbox`, as other programs of this machine and pages in its browser meet it."""

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

KEY = {"Authorization": "any-key"}
REBOUND = {"Host": "rebound.example"}
REFUSED: dict[str, tuple[dict[str, str], int]] = {
    "another host's name": (REBOUND, 421),
    "another host's name and our port": ({"Host": "rebound.example:8788"}, 421),
    "a name that only begins like ours": ({"Host": "localhost.example"}, 421),
    "an address of the network": ({"Host": "192.168.0.7:8788"}, 421),
    "no name": ({"Host": ""}, 421),
    "a page of another site": ({"Origin": "https://elsewhere.example"}, 403),
    "a page without an origin": ({"Origin": "null"}, 403),
    "a page that hides where it is from": ({"Sec-Fetch-Site": "cross-site"}, 403),
}
ALLOWED: dict[str, dict[str, str]] = {
    "a client": {},
    "another name of this machine": {"Host": "LOCALHOST:1"},
    "an IPv6 address of this machine": {"Host": "[::1]:1"},
    "a page of this machine": {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
    "an address that was typed": {"Sec-Fetch-Site": "none"},
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


async def _address(wire: Wire) -> str:
    return (await wire.err_until("listening on ")).partition("listening on ")[2]


async def test_only_this_machine_is_served_and_no_page_of_another_site(wire: Wire) -> None:
    async with httpx.AsyncClient(base_url=await _address(wire), headers=KEY) as client:
        for name, (headers, status) in REFUSED.items():
            for path in ("/sandbox/clock", "/sandbox/reset", "/ai-photo-train"):
                body: Any = {"advance_seconds": 60, "training_images_id": "sandbox-person"}
                answer = await client.post(path, json=body, headers=headers)
                assert (name, path, answer.status_code) == (name, path, status)
                assert "127.0.0.1" in answer.json()["errors"][0]["msg"]
        for name, headers in ALLOWED.items():
            answer = await client.get("/sandbox/log", headers=headers)
            assert (name, answer.status_code, answer.json()) == (name, 200, {"paid": 0, "requests": []})
        assert (await client.get("/sandbox/clock")).json()["offset_seconds"] == 0
    assert wire.err.count("\n") == 2


async def test_answers_are_dated_by_the_sandboxs_clock(wire: Wire) -> None:
    async with httpx.AsyncClient(base_url=await _address(wire), headers=KEY) as client:
        before = parsedate_to_datetime((await client.get("/account")).headers["date"])
        await client.post("/sandbox/clock", json={"advance_seconds": 90_000})
        dates = (await client.get("/account")).headers.get_list("date")
    assert [parsedate_to_datetime(date) - before > timedelta(hours=24) for date in dates] == [True]


async def test_a_webhook_goes_only_where_the_tools_would_let_it(wire: Wire) -> None:
    async with httpx.AsyncClient(base_url=await _address(wire), headers=KEY) as client:
        for url, status in WEBHOOKS.items():
            order = {"training_images_id": "sandbox-person", "webhook_url": url}
            answer = await client.post("/ai-photo-train", json=order)
            assert (url, answer.status_code) == (url, status)


async def test_a_request_that_is_broken_off_is_not_a_traceback(wire: Wire) -> None:
    address = await _address(wire)
    host, _, port = address.removeprefix("http://").partition(":")

    def break_off() -> None:
        head = (
            f"POST /ai-photo-train HTTP/1.1\r\nHost: {host}\r\nAuthorization: k\r\nContent-Length: 99\r\n\r\n"
        )
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head.encode() + b'{"training')

    await anyio.to_thread.run_sync(break_off)
    async with httpx.AsyncClient(base_url=address, headers=KEY) as client:
        with anyio.fail_after(10):
            while not (log := (await client.get("/sandbox/log")).json())["requests"]:
                await anyio.lowlevel.checkpoint()
    assert [(noted["path"], noted["status"]) for noted in log["requests"]] == [("/ai-photo-train", 400)]
    assert wire.err.count("\n") == 2, wire.err
