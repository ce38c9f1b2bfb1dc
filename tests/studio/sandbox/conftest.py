"""A sandbox with a fixed clock, a client for it, and a receiver of webhooks."""

from __future__ import annotations

import multiprocessing
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream

from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

START = 1_790_000_000.0


Connect = Callable[[Sandbox], httpx.AsyncClient]


@pytest.fixture
def connect() -> Connect:
    """Return a function that makes a client with a valid key for an embedded sandbox."""

    def connect(sandbox: Sandbox) -> httpx.AsyncClient:
        headers = {"Authorization": SANDBOX_KEY}
        transport = httpx.ASGITransport(sandbox.app)
        return httpx.AsyncClient(transport=transport, base_url=SANDBOX_URL, headers=headers)

    return connect


@pytest.fixture
def sandbox() -> Sandbox:
    """A sandbox in memory with a fixed clock."""
    return Sandbox(clock=lambda: START)


@pytest.fixture
async def client(sandbox: Sandbox, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """A client for `sandbox`."""
    async with connect(sandbox) as client:
        yield client


class Receiver:
    """A loopback server that keeps the raw text of each request and responds with 200, or never if silent."""

    def __init__(self, url: str, *, silent: bool) -> None:
        self.url = url
        self.silent = silent
        self._send, self._posts = anyio.create_memory_object_stream[str](100)

    async def next_post(self) -> str:
        """Return the next request, headers and body, as text."""
        with anyio.fail_after(60):
            return await self._posts.receive()

    def unread(self) -> int:
        """Return the number of received posts that were not read."""
        return self._posts.statistics().current_buffer_used

    def close(self) -> None:
        """Close both ends of the stream."""
        self._send.close()
        self._posts.close()

    async def serve(self, stream: SocketStream) -> None:
        """Serve one connection."""
        async with stream:
            await self._send.send(await _read_request(stream))
            if self.silent:
                await anyio.sleep_forever()
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


async def _read_request(stream: SocketStream) -> str:
    text = ""
    while True:
        text += (await stream.receive()).decode()
        head, separator, body = text.partition("\r\n\r\n")
        lengths = [
            line.split(":")[1] for line in head.lower().split("\r\n") if line.startswith("content-length")
        ]
        if separator and len(body) >= int(lengths[0]):
            return text


@asynccontextmanager
async def receiving(*, silent: bool = False) -> AsyncIterator[Receiver]:
    """Run a receiver on a free port."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610  no Django here
    receiver = Receiver(f"http://127.0.0.1:{port}/hook", silent=silent)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, receiver.serve)
        yield receiver
        tasks.cancel_scope.cancel()
    receiver.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that responds with 200."""
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def silent_receiver() -> AsyncIterator[Receiver]:
    """A receiver that never responds."""
    async with receiving(silent=True) as receiver:
        yield receiver


def run_in_four_processes(work: Callable[[Path, Barrier], None], path: Path) -> None:
    """Run `work` on one store in four processes that begin at the same time."""
    spawn = multiprocessing.get_context("spawn")
    all_started = spawn.Barrier(4)
    workers = [spawn.Process(target=work, args=(path, all_started)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
