"""The calls of one stdio client that have not been answered yet.

The SDK drops unanswered calls the moment the input ends, so that `printf '…' | apiframe-photo-mcp` would
often print nothing. Here the end of the input is passed on a moment later.
"""

from __future__ import annotations

import time
from typing import Any, Final

import anyio
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

PATIENCE_SECONDS: Final = 1.0
BUSY_SECONDS: Final = 0.05
"""CPU time within the patience from which on this program is at work on an answer, and not waiting for others."""
MOST_PATIENCE_SECONDS: Final = 6.0


class OpenCalls:
    """The ids of calls that came in and still wait for an answer."""

    def __init__(self) -> None:
        self.input_ended = anyio.Event()
        self.drained = anyio.Event()
        self._open: set[Any] = set()
        self._answered = anyio.Event()

    def came(self, message: JSONRPCMessage) -> None:
        """Note a call, or that one was cancelled: it is never answered."""
        match message:
            case JSONRPCRequest():
                self._open.add(_plain(message.id))
            case JSONRPCNotification(method="notifications/cancelled", params=dict() as params):
                self._settle(params.get("requestId"))
            case _:
                pass

    def went(self, message: JSONRPCMessage) -> None:
        """Note an answer."""
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._settle(message.id)

    async def ended(self) -> None:
        """Say that the input has ended, and let quick calls be answered all the same.

        What is quick takes long on a busy machine: as long as this program works, it is waited for.
        """
        self.input_ended.set()
        with anyio.move_on_after(MOST_PATIENCE_SECONDS):
            busy = True
            while self._open and busy:
                before = time.process_time()
                with anyio.move_on_after(PATIENCE_SECONDS):
                    await self._all_answered()
                busy = time.process_time() - before >= BUSY_SECONDS
        self.drained.set()

    async def _all_answered(self) -> None:
        while self._open:
            self._answered = anyio.Event()
            await self._answered.wait()

    def _settle(self, request_id: object) -> None:
        self._open.discard(_plain(request_id))
        self._answered.set()


def _plain(request_id: object) -> str:
    # The SDK takes 7 and "7" for the same id when a call is cancelled.
    return str(request_id)
