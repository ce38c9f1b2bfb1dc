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
from typing import TYPE_CHECKING, Any, Final

import anyio

from apiframe_server.pending_calls import PendingCalls
from apiframe_server.streams import Incoming, Outgoing, claim_stdio
from apiframe_studio.studio import Studio

if TYPE_CHECKING:
    from mcp.server import MCPServer

FINISH_WITHIN_SECONDS: Final = 9.0
LAST_ANSWERS_SECONDS: Final = 0.4
log = logging.getLogger(__name__)


def serve(studio: Studio, server: MCPServer[Any]) -> None:
    """Serve one client over stdio until it goes or a signal comes. Does not return."""
    anyio.run(_serve, studio, server)


async def _serve(studio: Studio, server: MCPServer[Any]) -> None:
    calls, signalled, talked = PendingCalls(), anyio.Event(), anyio.Event()
    _set_on_signals(signalled)
    async with anyio.create_task_group() as group:
        group.start_soon(_end_after_signal, signalled, studio)
        group.start_soon(_end_after_input, calls, talked, studio)
        await _talk(server, calls)
        talked.set()


async def _talk(server: MCPServer[Any], calls: PendingCalls) -> None:
    low = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] - run_stdio_async has a transport of its own
    source, output = claim_stdio()
    outgoing = Outgoing(output, calls)
    incoming = Incoming(source, outgoing, calls)
    await low.run(incoming, outgoing, low.create_initialization_options())


async def _end_after_signal(signalled: anyio.Event, studio: Studio) -> None:
    await signalled.wait()
    with anyio.CancelScope(shield=True):
        await studio.finish(FINISH_WITHIN_SECONDS)
        await _end(studio)


async def _end_after_input(calls: PendingCalls, talked: anyio.Event, studio: Studio) -> None:
    """End the program after its input, once the last answers are out. Calls are drained beside the finishing."""
    await calls.input_ended.wait()
    with anyio.CancelScope(shield=True):
        await studio.finish(FINISH_WITHIN_SECONDS)
        await calls.drained.wait()
        with anyio.move_on_after(LAST_ANSWERS_SECONDS):
            await talked.wait()
        await _end(studio)


async def _end(studio: Studio) -> None:
    """Close and leave. A thread still blocks on stdin, which keeps every gentler way out from ending."""
    try:
        with anyio.move_on_after(LAST_ANSWERS_SECONDS):
            await studio.aclose()
    except Exception:
        log.exception("The end was not an orderly one")
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def _set_on_signals(signalled: anyio.Event) -> None:
    # signal.signal works on every system, loop.add_signal_handler on POSIX only.
    loop = asyncio.get_running_loop()

    def end(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(signalled.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
