"""The sandbox as an ASGI app: the service's contract, and controls of the sandbox under `/sandbox/`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .errors import ErrorResponse
from .request_log import RequestLog
from .schemas import ClockBody, read_body
from .state import State
from .tasks import format_timestamp
from .v1.routes import build_routes
from .webhook_delivery import deliver_until_cancelled, deliver_webhooks

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def build_app(state: State) -> ASGIApp:
    """Build the app. If its lifespan runs, as on a port, it also delivers webhooks once a second."""
    app = Starlette(
        routes=[*build_routes(state), *_build_controls(state)],
        exception_handlers=_HANDLERS,
        lifespan=_build_lifespan(state),
    )
    app.router.redirect_slashes = False
    return RequestLog(app, state)


def _build_controls(state: State) -> list[Route]:
    """Return the calls that the service does not have. They need no key."""

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            state.store.move_clock((await read_body(request, ClockBody)).advance_seconds)
            await deliver_webhooks(state)
        now, offset = format_timestamp(state.now()), state.store.read_clock_offset()
        return JSONResponse({"now": now, "offset_seconds": offset})

    async def reset(_: Request) -> Response:
        state.store.clear()
        return JSONResponse({})

    async def log(_: Request) -> Response:
        return JSONResponse({"paid": state.store.count_paid(), "requests": state.store.list_requests()})

    return [
        Route("/sandbox/clock", clock, methods=["GET", "POST"]),
        Route("/sandbox/reset", reset, methods=["POST"]),
        Route("/sandbox/log", log, methods=["GET"]),
    ]


def _build_lifespan(state: State) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deliver_until_cancelled, state)
            yield
            tasks.cancel_scope.cancel()

    return lifespan


async def _respond_with_error(_: Request, error: ErrorResponse) -> Response:
    return JSONResponse(error.to_json(), error.status)


async def _respond_to_unknown_call(_: Request, error: HTTPException) -> Response:
    return JSONResponse(ErrorResponse(error.detail).to_json(), error.status_code, error.headers)


async def _respond_to_disconnect(_: Request, __: ClientDisconnect) -> Response:
    return Response(status_code=400)  # The client has gone; this is for the request log.


# Starlette declares handlers as taking any Exception but calls each with the class it is registered for.
_HANDLERS: dict[Any, Any] = {
    ErrorResponse: _respond_with_error,
    HTTPException: _respond_to_unknown_call,
    ClientDisconnect: _respond_to_disconnect,
}
