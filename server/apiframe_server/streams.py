"""The input and output streams of the stdio transport, in the form that the SDK takes.

The SDK's stdio transport drops lines that it cannot parse. It also reads and writes on anyio's shared threads, so that
forty blocked file reads would stop all messages.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import BinaryIO, Protocol

import anyio
import anyio.to_thread
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError, JSONRPCMessage, JSONRPCResponse

from apiframe_server.descriptors import claim_descriptors
from apiframe_server.messages import UnreadableMessage, read_message
from apiframe_server.pending_calls import PendingCalls

log = logging.getLogger(__name__)


class Lines(Protocol):
    """Where lines of input come from, blocking: a binary file, for example."""

    def readline(self) -> bytes:
        """Return the next line, or b"" at the end of input."""
        ...


def connect_stdio(calls: PendingCalls) -> tuple[Incoming, Outgoing]:
    """Claim stdin and stdout and return the streams on them. Raises OSError when one of the two is closed."""
    source, output = claim_descriptors()
    # Never closed: a thread may still be blocked on them when the program exits.
    outgoing = Outgoing(os.fdopen(output, "wb", closefd=False), calls)
    return Incoming(os.fdopen(source, "rb", closefd=False), outgoing, calls), outgoing


class Outgoing(ObjectSendStream[SessionMessage]):
    """Sends messages to the client, one line each."""

    def __init__(self, output: BinaryIO, calls: PendingCalls) -> None:
        self._output = output
        self._calls = calls
        self._thread = anyio.CapacityLimiter(1)

    async def send(self, item: SessionMessage) -> None:
        """Send a message. Raises BrokenResourceError when the client has closed its end."""
        await self._write(serialize(item.message))
        self._calls.answered(item.message)

    async def answer_unreadable(self, answer: JSONRPCError) -> None:
        await self._write(serialize(answer))

    async def _write(self, line: bytes) -> None:
        try:
            await anyio.to_thread.run_sync(self._write_now, line, limiter=self._thread)
        except (OSError, ValueError) as error:
            raise anyio.BrokenResourceError from error

    def _write_now(self, line: bytes) -> None:
        self._output.write(line)
        self._output.flush()

    async def aclose(self) -> None:
        """Do nothing: the descriptors stay open until the program exits."""


class Incoming(ObjectReceiveStream[SessionMessage]):
    """Receives messages from the client. A line that is not a message is answered here."""

    def __init__(self, source: Lines, outgoing: Outgoing, calls: PendingCalls) -> None:
        self._source = source
        self._outgoing = outgoing
        self._calls = calls
        self._thread = anyio.CapacityLimiter(1)

    async def receive(self) -> SessionMessage:
        """Return the next message. Raises EndOfStream at the end of input."""
        while line := await self._read_line():
            if not line.strip():
                continue
            try:
                message = read_message(line)
            except UnreadableMessage as unreadable:
                log.info("A line of input was not a message: %s", unreadable)
                with contextlib.suppress(anyio.BrokenResourceError):
                    await self._outgoing.answer_unreadable(unreadable.answer)
                continue
            self._calls.received(message)
            return SessionMessage(message)
        await self._calls.drain()
        raise anyio.EndOfStream

    async def _read_line(self) -> bytes:
        try:
            return await anyio.to_thread.run_sync(
                self._source.readline, limiter=self._thread, abandon_on_cancel=True
            )
        except OSError:
            return b""

    async def aclose(self) -> None:
        """Do nothing: the descriptors stay open until the program exits."""


def serialize(message: JSONRPCMessage) -> bytes:
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
    except ValueError:
        # A lone surrogate, for example from a file name, cannot be encoded. Only this answer is lost.
        log.exception("A message could not be encoded")
        if not isinstance(message, JSONRPCResponse):
            raise
        error = ErrorData(
            code=INTERNAL_ERROR, message="The result contains text that cannot be encoded as JSON."
        )
        return serialize(JSONRPCError(jsonrpc="2.0", id=message.id, error=error))
