"""The sandbox as an ASGI app: the service's contract, and controls of the sandbox under `/sandbox/`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

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

    from .v2.state import V2State


class Service(NamedTuple):
    """One generation of the service, with what differs from the other."""

    state: State
    routes: Sequence[Route]
    handlers: Mapping[Any, Any]
    deliver_webhooks: Callable[[], Awaitable[None]]
    count_paid: Callable[[], int]
    forget: Callable[[Sequence[str]], None]
    clear: Callable[[], None] = lambda: None
    """Deletes what the shared store does not have."""


def build_v1(state: State) -> Service:
    deliver, store = partial(deliver_webhooks, state), state.store
    return Service(state, build_routes(state), _V1_HANDLERS, deliver, store.count_paid, store.forget)


def build_v2(state: V2State) -> Service:
    from .v2 import routes, webhooks  # A sandbox of v1 does not pay for importing them.

    deliver, records = partial(webhooks.deliver_webhooks, state), state.records
    return Service(
        state.shared,
        routes.build_routes(state),
        routes.HANDLERS,
        deliver,
        records.count_paid,
        records.forget,
        records.clear,
    )


def build_app(service: Service) -> ASGIApp:
    """Build the app. If its lifespan runs, as on a port, it also delivers webhooks once a second."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deliver_until_cancelled, service.deliver_webhooks)
            yield
            tasks.cancel_scope.cancel()

    app = Starlette(
        routes=[*service.routes, *_build_controls(service)],
        exception_handlers={**_HANDLERS, **service.handlers},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return RequestLog(app, service.state, service.deliver_webhooks)


def _build_controls(service: Service) -> list[Route]:
    """Return the calls that the service does not have. They need no key."""
    state = service.state

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            state.store.move_clock((await read_body(request, ClockBody)).advance_seconds)
            await service.deliver_webhooks()
        now, offset = format_timestamp(state.now()), state.store.read_clock_offset()
        return JSONResponse({"now": now, "offset_seconds": offset})

    async def reset(_: Request) -> Response:
        state.store.clear()
        service.clear()
        return JSONResponse({})

    async def log(_: Request) -> Response:
        return JSONResponse({"paid": service.count_paid(), "requests": state.store.list_requests()})

    return [
        Route("/sandbox/clock", clock, methods=["GET", "POST"]),
        Route("/sandbox/reset", reset, methods=["POST"]),
        Route("/sandbox/log", log, methods=["GET"]),
    ]


async def _respond_with_error(_: Request, error: ErrorResponse) -> Response:
    return JSONResponse(error.to_json(), error.status)


async def _respond_to_unknown_call(_: Request, error: HTTPException) -> Response:
    return JSONResponse(ErrorResponse(error.detail).to_json(), error.status_code, error.headers)


async def _respond_to_disconnect(_: Request, __: ClientDisconnect) -> Response:
    return Response(status_code=400)  # The client has gone; this is for the request log.


# Starlette declares handlers as taking any Exception but calls each with the class it is registered for.
_HANDLERS: dict[Any, Any] = {ErrorResponse: _respond_with_error, ClientDisconnect: _respond_to_disconnect}
_V1_HANDLERS: dict[Any, Any] = {HTTPException: _respond_to_unknown_call}
