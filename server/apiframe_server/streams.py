"""The two streams of stdio, as the SDK wants them.

Its own stdio transport drops lines that it cannot read, and reads and writes on the threads that it shares with
everything else: forty files that never open would make the server deaf.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import BinaryIO

import anyio
import anyio.to_thread
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.os.win32.utilities import rebind_std_handle_to_fd
from mcp.shared.message import SessionMessage
from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError, JSONRPCMessage, JSONRPCResponse

from apiframe_server.messages import UnreadableMessage, read_message
from apiframe_server.pending_calls import PendingCalls

log = logging.getLogger(__name__)


def claim_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout for the protocol.

    What else reads from now on finds the end of a file, and what else prints goes to stderr. Raises OSError when one
    of them is closed.
    """
    wire = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(sys.stderr.fileno(), 1)
    if sys.platform == "win32":
        for number in (0, 1):
            rebind_std_handle_to_fd(number)
    # Never closed: a thread may still be blocked on them when the program ends.
    return os.fdopen(wire[0], "rb", closefd=False), os.fdopen(wire[1], "wb", closefd=False)


class Outgoing(ObjectSendStream[SessionMessage]):
    """What the client is sent: a message is one line, written whole."""

    def __init__(self, output: BinaryIO, calls: PendingCalls) -> None:
        self._output = output
        self._calls = calls
        self._thread = anyio.CapacityLimiter(1)

    async def send(self, item: SessionMessage) -> None:
        """Send a message. Raises BrokenResourceError when the reader has gone."""
        await self._write(_line(item.message))
        self._calls.answered(item.message)

    async def answer_unreadable(self, answer: JSONRPCError) -> None:
        """Answer a line that is not a message."""
        await self._write(_line(answer))

    async def _write(self, line: bytes) -> None:
        try:
            await anyio.to_thread.run_sync(self._write_now, line, limiter=self._thread)
        except (OSError, ValueError) as error:
            raise anyio.BrokenResourceError from error

    def _write_now(self, line: bytes) -> None:
        self._output.write(line)
        self._output.flush()

    async def aclose(self) -> None:
        """Nothing: the descriptors live as long as the program."""


class Incoming(ObjectReceiveStream[SessionMessage]):
    """What the client sends. A line that is not a message is answered here."""

    def __init__(self, source: BinaryIO, outgoing: Outgoing, calls: PendingCalls) -> None:
        self._source = source
        self._outgoing = outgoing
        self._calls = calls
        self._thread = anyio.CapacityLimiter(1)

    async def receive(self) -> SessionMessage:
        """The next message. Raises EndOfStream when the client has gone."""
        while line := await self._next_line():
            if not line.strip():
                continue
            try:
                message = read_message(line)
            except UnreadableMessage as unreadable:
                log.info("A line was not a message: %s", unreadable)
                with contextlib.suppress(anyio.BrokenResourceError):
                    await self._outgoing.answer_unreadable(unreadable.answer)
                continue
            self._calls.received(message)
            return SessionMessage(message)
        await self._calls.drain()
        raise anyio.EndOfStream

    async def _next_line(self) -> bytes:
        try:
            return await anyio.to_thread.run_sync(
                self._source.readline, limiter=self._thread, abandon_on_cancel=True
            )
        except OSError:
            return b""

    async def aclose(self) -> None:
        """Nothing: the descriptors live as long as the program."""


def _line(message: JSONRPCMessage) -> bytes:
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
    except ValueError:
        # Half of a character, say out of a file name, cannot be written. It costs this answer, not the connection.
        log.exception("A message could not be written")
        if not isinstance(message, JSONRPCResponse):
            raise
        error = ErrorData(
            code=INTERNAL_ERROR, message="The result holds text that cannot be written as JSON."
        )
        return _line(JSONRPCError(jsonrpc="2.0", id=message.id, error=error))
