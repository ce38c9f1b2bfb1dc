"""The sandbox on a port of this machine, for any client of the real service."""

from __future__ import annotations

import socket
import sys
from email.utils import formatdate
from typing import TYPE_CHECKING

import anyio
import uvicorn
from anyio.abc import TaskStatus

from apiframe_studio.api.urls import is_loopback

from .loopback_only import ThisMachineOnly
from .sandbox import Sandbox

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    sandbox: Sandbox | None = None,
    quiet: bool = False,
    task_status: TaskStatus[str] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled or signalled; port 0 takes a free one.

    Prints where it listens to stderr unless it is to be quiet, and tells it to whoever waits in
    `TaskGroup.start`. Raises ValueError when `host` is not this machine alone (the sandbox asks nobody for a
    password), OSError when the port is taken. After SIGINT it closes in order and the signal is raised again, as
    KeyboardInterrupt from the loop.
    """
    if not is_loopback(host):
        raise ValueError("The sandbox listens on a loopback address only.")
    with _listening(host, port) as listener:
        address = _address(listener)
        if not quiet:
            print(f"Sandbox listening on {address}", file=sys.stderr, flush=True)
        task_status.started(address)
        await _run(sandbox or Sandbox(), listener)


async def _run(sandbox: Sandbox, listener: socket.socket) -> None:
    config = uvicorn.Config(
        _dated(ThisMachineOnly(sandbox.app), sandbox),
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
    )
    server = uvicorn.Server(config)
    try:
        await server.serve(sockets=[listener])
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            await server.shutdown(sockets=[listener])
        raise


def _dated(app: ASGIApp, sandbox: Sandbox) -> ASGIApp:
    """Answers with a `Date` by the sandbox's clock, so that photo sets expire for its clients when it is advanced."""

    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = (b"date", formatdate(sandbox.now(), usegmt=True).encode())
                message = {**message, "headers": [*message["headers"], date]}
            await send(message)

        await app(scope, receive, send_dated)

    return dated


def _listening(host: str, port: int) -> socket.socket:
    # Listening before uvicorn does means that the printed address can be called at once.
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(found[0], found[1])
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[4])
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
