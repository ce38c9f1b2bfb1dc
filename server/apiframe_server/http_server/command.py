"""`apiframe-photo-mcp http`: serve on a loopback address until a signal."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import anyio

from apiframe_server.http_server.addresses import listen_on
from apiframe_server.http_server.app import MCP_PATH, build_app
from apiframe_server.http_server.limits import Limits
from apiframe_server.http_server.serving import HttpServer, serve_until_signal
from apiframe_server.problems import ExitCode, Problem, report
from apiframe_studio.listeners import base_url_of
from apiframe_studio.studio import Studio

if TYPE_CHECKING:
    from mcp.server import MCPServer


def serve_http(studio: Studio, server: MCPServer[Any], host: str, port: int) -> int:
    """Serve until a signal; returns only if the port cannot be used."""
    with contextlib.ExitStack() as stack:
        try:
            listeners = [stack.enter_context(listener) for listener in listen_on(host, port)]
        except OSError as error:
            why = f"port {port} of {host} cannot be used ({error.strerror})."
            return report(Problem(ExitCode.LOCAL, why, "Try --port 0, which takes a free one."))
        url = base_url_of(listeners[0]).replace("//127.0.0.1", f"//{host}") + MCP_PATH
        print(f"Listening on {url} until Ctrl-C.", file=sys.stderr, flush=True)
        anyio.run(_serve, studio, server, listeners, backend_options={"use_uvloop": _has_uvloop()})
    return 0


async def _serve(studio: Studio, server: MCPServer[Any], listeners: Sequence[socket.socket]) -> None:
    limits, stopping = Limits(), anyio.Event()
    app = build_app(studio, server, limits, stopping)
    await serve_until_signal(HttpServer(app, limits), studio, listeners, stopping)


def _has_uvloop() -> bool:
    return importlib.util.find_spec("uvloop") is not None
