"""Serve over stdin and stdout, and shut down cleanly.

The server stops at the end of input, SIGTERM or SIGINT. A paid request that is being sent then gets up to nine seconds
to finish; one that takes longer is recorded as unconfirmed, and the ledger is closed. The SDK alone exits at once on
SIGTERM, hangs on SIGINT, and at the end of input waits for as long as a handler runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio

from apiframe_server.ending import CLOSE_SECONDS, FINISH_SECONDS, close_and_exit, handle_signals
from apiframe_server.pending_calls import PendingCalls
from apiframe_server.streams import Incoming, Outgoing, connect_stdio
from apiframe_studio.studio import Studio

if TYPE_CHECKING:
    from mcp.server import MCPServer

Connect: TypeAlias = Callable[[PendingCalls], tuple[Incoming, Outgoing]]
"""Opens the streams to the client."""


def serve(studio: Studio, server: MCPServer[Any], connect: Connect = connect_stdio) -> None:
    """Serve one client over stdio until it disconnects or a signal arrives. Does not return."""
    anyio.run(_serve, studio, server, connect)


async def _serve(studio: Studio, server: MCPServer[Any], connect: Connect) -> None:
    calls, signalled, session_ended = PendingCalls(), anyio.Event(), anyio.Event()
    handle_signals(signalled.set)
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
        await close_and_exit(studio)


async def _exit_after_input(calls: PendingCalls, session_ended: anyio.Event, studio: Studio) -> None:
    """Exit once the input has ended and the last answers are written. Calls drain while the studio finishes."""
    await calls.input_ended.wait()
    with anyio.CancelScope(shield=True):
        await studio.finish(FINISH_SECONDS)
        await calls.drained.wait()
        with anyio.move_on_after(CLOSE_SECONDS):
            await session_ended.wait()
        await close_and_exit(studio)
