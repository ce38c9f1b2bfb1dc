"""The streams that the SDK gets from the front: what the client sent so far, and then the rest of it."""

from __future__ import annotations

import io
import logging
import os
from collections import deque

from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCResponse

from apiframe_server.front.answering import REPLAYED_ID, dump
from apiframe_server.front.wire import Front
from apiframe_server.pending_calls import PendingCalls
from apiframe_server.streams import Incoming, Outgoing, serialize

log = logging.getLogger(__name__)


def connect_front(front: Front, calls: PendingCalls) -> tuple[Incoming, Outgoing]:
    """Return the streams of a session that the front has begun."""
    outgoing = OutgoingAfterFront(front, calls)
    return Incoming(LinesAfterFront(front), outgoing, calls), outgoing


class LinesAfterFront:
    """The opening again, the lines that the front left, and the rest of the input. The first call takes over."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._kept: deque[bytes] | None = None
        self._rest: io.BytesIO | None = None
        self._file = os.fdopen(front.source, "rb", closefd=False)

    def readline(self) -> bytes:
        if self._kept is None:
            self._kept = deque(self._front.take_over())
        if self._kept:
            return self._kept.popleft()
        if self._rest is None:
            self._front.wait_until_read()
            self._rest = io.BytesIO(self._front.rest)
        line = self._rest.readline()
        return line if line.endswith(b"\n") else line + self._file.readline()


class OutgoingAfterFront(Outgoing):
    """Sends everything but the second answer to the opening request, which must be what the client received."""

    def __init__(self, front: Front, calls: PendingCalls) -> None:
        super().__init__(os.fdopen(front.output, "wb", closefd=False), calls)
        self._answers = front.answers
        self._compared = False

    async def send(self, item: SessionMessage) -> None:
        message = item.message
        is_answer = isinstance(message, JSONRPCResponse | JSONRPCError) and message.id == REPLAYED_ID
        if self._compared or not is_answer:
            await super().send(item)
            return
        self._compared = True
        self._calls.answered(message)
        expected = f'{{"jsonrpc":"2.0","id":{dump(REPLAYED_ID)},"result":{self._answers.opening_result}}}\n'
        if serialize(message) != expected.encode():
            log.error("The client received something else than this server says: the snapshot is out of date")
