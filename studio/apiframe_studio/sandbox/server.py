"""Serving the sandbox on a port of this machine, for any client of the service."""

from __future__ import annotations

import sys
from email.utils import formatdate
from typing import TYPE_CHECKING

import anyio
import uvicorn
from anyio.abc import TaskStatus

from apiframe_studio.api.urls import is_loopback
from apiframe_studio.listeners import base_url_of, listen

from .loopback_only import LoopbackOnly
from .sandbox import Sandbox

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    sandbox: Sandbox | None = None,
    quiet: bool = False,
    task_status: TaskStatus[str] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled or interrupted. Port 0 takes a free one.

    Prints the base URL to stderr unless `quiet`, and returns it from `TaskGroup.start`. After SIGINT it shuts down
    in order and then raises the signal again, as KeyboardInterrupt from the event loop.

    Raises:
        ValueError: `host` is not a loopback address. The sandbox has no authentication.
        OSError: the port is taken.
    """
    if not is_loopback(host):
        raise ValueError("The sandbox listens on a loopback address only.")
    with listen(host, port) as listener:
        base_url = base_url_of(listener)
        if not quiet:
            print(f"Sandbox listening on {base_url}", file=sys.stderr, flush=True)
        task_status.started(base_url)
        await _run(sandbox or Sandbox(), listener)


async def _run(sandbox: Sandbox, listener: socket.socket) -> None:
    config = uvicorn.Config(
        _with_date(LoopbackOnly(sandbox.app), sandbox),
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


def _with_date(app: ASGIApp, sandbox: Sandbox) -> ASGIApp:
    """Add a `Date` header with the sandbox's time, so that photo sets expire for clients when it is advanced."""

    async def app_with_date(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = (b"date", formatdate(sandbox.now(), usegmt=True).encode())
                message = {**message, "headers": [*message["headers"], date]}
            await send(message)

        await app(scope, receive, send_with_date)

    return app_with_date
