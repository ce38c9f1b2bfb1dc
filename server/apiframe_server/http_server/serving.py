"""Serve until a signal, then answer what is under way.

The first signal closes the port, ends waits with what is known, and ends open streams. A paid request gets up to nine
seconds to finish; one that takes longer is recorded as unconfirmed. A second signal ends the program at once.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import anyio
import uvicorn

from apiframe_server.ending import CLOSE_SECONDS, FINISH_SECONDS, close_and_exit, handle_signals
from apiframe_server.http_server.connections import limited_protocol
from apiframe_server.problems import ExitCode
from apiframe_studio.studio import Studio

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from apiframe_server.http_server.limits import Limits


class HttpServer(uvicorn.Server):
    """uvicorn with our limits and without its signal handlers, which would cut off every stream at a signal."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        config = uvicorn.Config(
            app,
            http=limited_protocol(limits),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=limits.connections,
            timeout_keep_alive=limits.keep_alive_seconds,
        )
        super().__init__(config)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals to the program."""
        yield


async def serve_until_signal(
    server: HttpServer, studio: Studio, listeners: Sequence[socket.socket], stopping: anyio.Event
) -> None:
    """Serve until a signal; `stopping` is set then. Does not return."""
    served = anyio.Event()
    handle_signals(stopping.set, partial(os._exit, ExitCode.STOPPED))
    async with anyio.create_task_group() as group:
        group.start_soon(_exit_after_signal, server, studio, stopping, served)
        await server.serve([*listeners])
        served.set()


async def _exit_after_signal(
    server: HttpServer, studio: Studio, stopping: anyio.Event, served: anyio.Event
) -> None:
    await stopping.wait()
    with anyio.CancelScope(shield=True):
        deadline = anyio.current_time() + FINISH_SECONDS + CLOSE_SECONDS
        server.should_exit = True
        studio.end_waits()
        await studio.finish(FINISH_SECONDS)
        with anyio.CancelScope(deadline=deadline):
            await served.wait()
        await close_and_exit(studio)
