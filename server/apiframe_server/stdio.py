"""Serving over stdin and stdout, and ending well.

However the end comes (end of input, SIGTERM, SIGINT), a paid request on its way may finish, at most nine
seconds; what is still on its way then is recorded as unconfirmed, and the ledger is closed. The SDK alone
dies at once on SIGTERM, hangs on SIGINT, and at the end of input waits as long as a handler likes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import anyio

from apiframe_studio.studio import Studio

if TYPE_CHECKING:
    from mcp.server import MCPServer

FINISH_WITHIN_SECONDS: Final = 9.0
log = logging.getLogger(__name__)


def serve(studio: Studio, server: MCPServer[Any]) -> None:
    """Serve one client over stdio until it goes or a signal comes. Does not return."""
    anyio.run(_serve, studio, server)


async def _serve(studio: Studio, server: MCPServer[Any]) -> None:
    ending = anyio.Event()
    _end_on_signals(ending)
    async with anyio.create_task_group() as group:
        group.start_soon(_end_when_told, ending, studio)
        await _talk(server, ending)
        group.cancel_scope.cancel()
    await _end(studio)


async def _talk(server: MCPServer[Any], ending: anyio.Event) -> None:
    from mcp.server.stdio import stdio_server

    low = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] - run_stdio_async would hide the input's end
    async with stdio_server() as (incoming, outgoing):
        messages: Any = _Incoming(incoming, ending)
        await low.run(messages, outgoing, low.create_initialization_options())


async def _end_when_told(ending: anyio.Event, studio: Studio) -> None:
    await ending.wait()
    with anyio.CancelScope(shield=True):
        await _end(studio)


async def _end(studio: Studio) -> None:
    """Finish and leave. A thread still blocks on stdin, which keeps every gentler way out from ending."""
    try:
        await studio.finish(FINISH_WITHIN_SECONDS)
        with anyio.move_on_after(0.5):
            await studio.aclose()
    except Exception:
        log.exception("The end was not an orderly one")
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def _end_on_signals(ending: anyio.Event) -> None:
    # signal.signal works on every system, loop.add_signal_handler on POSIX only.
    loop = asyncio.get_running_loop()

    def end(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(ending.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


class _Incoming:
    """The client's messages; says when there are no more of them."""

    def __init__(self, messages: Any, ending: anyio.Event) -> None:
        self._messages = messages
        self._ending = ending

    @property
    def last_context(self) -> Any:
        return self._messages.last_context

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._messages.__anext__()
        except StopAsyncIteration:
            self._ending.set()
            raise

    async def receive(self) -> Any:
        return await self._messages.receive()

    async def aclose(self) -> None:
        await self._messages.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.aclose()
