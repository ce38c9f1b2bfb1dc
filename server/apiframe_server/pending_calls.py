"""The calls of one stdio client that have not been answered yet.

The SDK drops unanswered calls as soon as the input ends, so `printf '…' | apiframe-photo-mcp` would often print
nothing. Here the calls get a moment to finish before the SDK learns that the input has ended.
"""

from __future__ import annotations

import time
from typing import Final

import anyio
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

DRAIN_SECONDS: Final = 1.0
MAX_DRAIN_SECONDS: Final = 6.0
BUSY_SECONDS: Final = 0.05
"""CPU time per drain period from which on this program is working on an answer, not waiting for something else."""


class PendingCalls:
    """The ids of calls that were received and not answered."""

    def __init__(self) -> None:
        self.input_ended = anyio.Event()
        self.drained = anyio.Event()
        self._ids: set[str] = set()
        self._removed = anyio.Event()

    def received(self, message: JSONRPCMessage) -> None:
        """Record a call, or the cancellation of one: a cancelled call is never answered."""
        match message:
            case JSONRPCRequest():
                self._ids.add(str(message.id))
            case JSONRPCNotification(method="notifications/cancelled", params=dict() as params):
                self._remove(params.get("requestId"))
            case _:
                pass

    def answered(self, message: JSONRPCMessage) -> None:
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._remove(message.id)

    async def drain(self) -> None:
        """Set `input_ended`, then wait until quick calls are answered or the time is over.

        On a busy machine quick calls take long, so the wait goes on while this program uses the CPU.
        """
        self.input_ended.set()
        with anyio.move_on_after(MAX_DRAIN_SECONDS):
            busy = True
            while self._ids and busy:
                before = time.process_time()
                with anyio.move_on_after(DRAIN_SECONDS):
                    await self._wait_until_empty()
                busy = time.process_time() - before >= BUSY_SECONDS
        self.drained.set()

    async def _wait_until_empty(self) -> None:
        while self._ids:
            self._removed = anyio.Event()
            await self._removed.wait()

    def _remove(self, request_id: object) -> None:
        # When a call is cancelled, the SDK treats 7 and "7" as the same id.
        self._ids.discard(str(request_id))
        self._removed.set()
