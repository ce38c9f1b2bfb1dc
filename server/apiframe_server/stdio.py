"""Serve over stdin and stdout, and shut down cleanly.

The server stops at the end of input, SIGTERM or SIGINT. A paid request that is being sent then gets up to nine seconds
to finish; one that takes longer is recorded as unconfirmed, and the ledger is closed. The SDK alone exits at once on
SIGTERM, hangs on SIGINT, and at the end of input waits for as long as a handler runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import anyio

from apiframe_server.pending_calls import PendingCalls
from apiframe_server.streams import Incoming, Outgoing, connect_stdio
from apiframe_studio.studio import Studio

if TYPE_CHECKING:
    from mcp.server import MCPServer

FINISH_SECONDS: Final = 9.0
CLOSE_SECONDS: Final = 0.4
log = logging.getLogger(__name__)


Connect: TypeAlias = Callable[[PendingCalls], tuple[Incoming, Outgoing]]
"""Opens the streams to the client."""


def serve(studio: Studio, server: MCPServer[Any], connect: Connect = connect_stdio) -> None:
    """Serve one client over stdio until it disconnects or a signal arrives. Does not return."""
    anyio.run(_serve, studio, server, connect)


async def _serve(studio: Studio, server: MCPServer[Any], connect: Connect) -> None:
    calls, signalled, session_ended = PendingCalls(), anyio.Event(), anyio.Event()
    _handle_signals(signalled)
    async with anyio.create_task_group() as group:
        group.start_soon(_exit_after_signal, signalled, studio)
        group.start_soon(_exit_after_input, calls, session_ended, studio)
        await _run_session(server, *connect(calls))
        session_ended.set()


async def _run_session(server: MCPServer[Any], incoming: Incoming, outgoing: Outgoing) -> None:
    low = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] - run_stdio_async brings the SDK's transport
    await low.run(incoming, outgoing, low.create_initialization_options())


async def _exit_after_signal(signalled: anyio.Event, studio: Studio) -> None:
    await signalled.wait()
    with anyio.CancelScope(shield=True):
        await studio.finish(FINISH_SECONDS)
        await _exit(studio)


async def _exit_after_input(calls: PendingCalls, session_ended: anyio.Event, studio: Studio) -> None:
    """Exit once the input has ended and the last answers are written. Calls drain while the studio finishes."""
    await calls.input_ended.wait()
    with anyio.CancelScope(shield=True):
        await studio.finish(FINISH_SECONDS)
        await calls.drained.wait()
        with anyio.move_on_after(CLOSE_SECONDS):
            await session_ended.wait()
        await _exit(studio)


async def _exit(studio: Studio) -> None:
    """Close the studio and exit. A thread still blocks on stdin, which prevents a clean exit of the interpreter."""
    try:
        with anyio.move_on_after(CLOSE_SECONDS):
            await studio.aclose()
    except Exception:
        log.exception("The studio could not be closed")
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def _handle_signals(signalled: anyio.Event) -> None:
    # signal.signal works on every system, loop.add_signal_handler on POSIX only.
    loop = asyncio.get_running_loop()

    def stop(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(signalled.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
