"""The sandbox on a port: it serves any client and delivers webhooks without being polled."""

from __future__ import annotations

import sys

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute

from apiframe_studio.sandbox import SANDBOX_KEY, Sandbox, webhook_delivery
from apiframe_studio.sandbox.server import serve

from .conftest import START, Receiver

KEY = {"Authorization": SANDBOX_KEY}


async def test_a_free_port_is_chosen_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            address = await tasks.start(serve)
            async with httpx.AsyncClient(base_url=address, headers=KEY) as client:
                assert (await client.get("/account")).json()["credits"] == 12_000
            tasks.cancel_scope.cancel()
    printed = capsys.readouterr()
    assert printed.err == f"Sandbox listening on {address}\n"
    assert printed.out == ""


async def test_a_served_sandbox_posts_a_change_without_a_request(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_delivery, "POLL_SECONDS", 0.02)
    time = START
    sandbox = Sandbox(clock=lambda: time)
    body = {"training_images_id": "sandbox-person", "webhook_url": receiver.url}
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            address = await tasks.start(lambda **options: serve(sandbox=sandbox, **options))
            async with httpx.AsyncClient(base_url=address, headers=KEY) as client:
                await client.post("/ai-photo-train", json=body)
            time += 20
            assert '"finished"' in await receiver.next_post()
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "sandbox.example"])  # noqa: S104  is rejected
async def test_an_address_that_other_machines_can_reach_is_rejected(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        await serve(host)


async def test_a_taken_port_raises_and_leaves_no_socket_open() -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as taken:
        port = taken.extra(SocketAttribute.local_port)  # noqa: S610  no Django here
        with pytest.raises(OSError, match=r"in use|only once" if sys.platform != "win32" else ""):
            await serve(port=port)
