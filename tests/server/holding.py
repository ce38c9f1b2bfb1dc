"""A service on which a paid request is under way for as long as a test needs it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio.to_thread

from ..faults.fault_server import ACCEPTED, FaultServer, answer, fault_server, read_request
from .program import MAX_SECONDS

if TYPE_CHECKING:
    import socket
    from collections.abc import Generator


class Holding:
    """A service that accepts a training and delays its response until the test releases it."""

    def __init__(self) -> None:
        self.service: FaultServer
        self._came = threading.Event()
        self._answer = threading.Event()

    def hold(self, connection: socket.socket, server: FaultServer) -> None:
        read_request(connection, server)
        self._came.set()
        self._answer.wait()
        connection.sendall(answer("200 OK", ACCEPTED))

    async def came(self) -> None:
        """Wait until the paid request has arrived."""
        assert await anyio.to_thread.run_sync(self._came.wait, MAX_SECONDS)

    def answer(self) -> None:
        self._answer.set()


@contextmanager
def holding() -> Generator[Holding]:
    held = Holding()
    with fault_server("hold", faults={"hold": held.hold}) as held.service:
        try:
            yield held
        finally:
            held.answer()


def settings_for(held: Holding) -> dict[str, str]:
    """The settings with which the program uses this service."""
    return {"API_KEY": "v1-key-of-a-test", "BASE_URL": held.service.base_url}
