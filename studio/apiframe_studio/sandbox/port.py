"""The sandbox on a port of this machine, for any client of the real service."""

from __future__ import annotations

import socket
import sys

import anyio
import uvicorn
from anyio.abc import TaskStatus

from apiframe_studio.api.urls import is_loopback

from .stand_in import Sandbox
from .this_machine_only import ThisMachineOnly


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
        ThisMachineOnly(sandbox.app),
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    server = uvicorn.Server(config)
    try:
        await server.serve(sockets=[listener])
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            await server.shutdown(sockets=[listener])
        raise


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
