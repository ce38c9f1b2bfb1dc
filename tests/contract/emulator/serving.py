"""The emulator on a port of this machine."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import uvicorn

from .app import Received, emulate
from .team import Caller, Service, Team

KEY = "afk_emulated_0123456789abcdef"


@dataclass
class Emulator:
    """A running emulator: what it remembers and what it received."""

    base_url: str
    service: Service
    received: list[Received]

    @property
    def team(self) -> Team:
        """The team of `KEY`."""
        return self.service.keys[KEY].team

    def requests(self, method: str, path: str) -> list[Received]:
        """What was received for one endpoint."""
        return [one for one in self.received if (one.method, one.path) == (method, path)]


def new_service(credits_left: int = 1000) -> Service:
    """A service with one team and one key."""
    return Service({KEY: Caller(Team(credits_left))})


@asynccontextmanager
async def emulator(service: Service | None = None) -> AsyncGenerator[Emulator]:
    """Serve the emulator in this event loop until the block ends."""
    service = service or new_service()
    app, received = emulate(service)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
        async with anyio.create_task_group() as group:
            # `serve` would take over the signals of the test process.
            group.start_soon(server._serve, [listening])
            try:
                yield Emulator(base_url, service, received)
            finally:
                server.should_exit = True
