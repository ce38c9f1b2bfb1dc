"""The app: MCP in both eras at `/mcp`, the health of the program, and a JSON error for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcp.server.transport_security import (
    RequestBodyLimitMiddleware,
    TransportSecurityMiddleware,
    TransportSecuritySettings,
)
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from apiframe_server.http_server.event_streams import EndStreams
from apiframe_server.http_server.health import build_health_routes
from apiframe_server.http_server.limits import BodyDeadline, Limits

if TYPE_CHECKING:
    import anyio
    from mcp.server import MCPServer
    from starlette.types import ASGIApp, Receive, Scope, Send

    from apiframe_studio.studio import Studio

MCP_PATH: Final = "/mcp"
_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_THIS_MACHINE: Final = TransportSecuritySettings(
    allowed_hosts=[name + port for name in _NAMES for port in ("", ":*")],
    allowed_origins=[f"http://{name}{port}" for name in _NAMES for port in ("", ":*")],
)


def build_app(studio: Studio, server: MCPServer[Any], limits: Limits, stopping: anyio.Event) -> ASGIApp:
    """Build the app; its lifespan runs the jobs of the studio. Once `stopping` is set it ends its open streams."""
    app = server.streamable_http_app(
        streamable_http_path=MCP_PATH,
        max_request_body_size=limits.body_bytes,
        session_idle_timeout=limits.session_idle_seconds,
        max_sessions=limits.sessions,
        transport_security=_THIS_MACHINE,
    )
    app.router.routes.extend(build_health_routes(studio))
    app.router.redirect_slashes = False
    app.add_exception_handler(HTTPException, _answer_error)
    limited = RequestBodyLimitMiddleware(EndStreams(app, stopping), limits.body_bytes)
    return _ThisMachineOnly(BodyDeadline(limited, limits.body_seconds))


class _ThisMachineOnly:
    """ASGI middleware: the SDK's checks of Host (421) and Origin (403), for every path and before a body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._security = TransportSecurityMiddleware(_THIS_MACHINE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (
            refusal := await self._security.validate_request(Request(scope, receive))
        ):
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _answer_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    text = f"There is nothing here. MCP is at {MCP_PATH}." if error.status_code == 404 else error.detail
    return JSONResponse({"error": text}, error.status_code, error.headers)
