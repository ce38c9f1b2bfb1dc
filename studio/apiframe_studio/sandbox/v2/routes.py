"""The calls of the v2 contract as routes."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..tasks import JsonObject
from . import account, images, jobs, loras
from .behaviour import BEHAVIOUR
from .callers import Caller, authenticate
from .errors import ErrorEnvelope
from .schemas import translate_errors
from .state import V2State

Call = Callable[[V2State, Caller, Request], Awaitable[JsonObject | None]]


def build_routes(state: V2State) -> list[Route]:
    """Return the routes of the calls, of the images, and of the control of the behaviour."""

    async def image(request: Request) -> Response:
        # Public like the service's image URLs, without a key.
        content, media_type = await images.render_image(state, request.path_params["name"])
        return Response(content, media_type=media_type)

    async def behaviour(request: Request) -> Response:
        if request.method == "POST":
            with translate_errors():
                state.records.set_behaviour(BEHAVIOUR.validate_json(await request.body()))
        return Response(BEHAVIOUR.dump_json(state.behaviour()), media_type="application/json")

    def route(method: str, path: str, call: Call, status: int = 200) -> Route:
        async def endpoint(request: Request) -> Response:
            caller = authenticate(request.headers.get("x-api-key"))
            seconds = state.behaviour().retry_after_seconds
            if seconds is not None:
                raise ErrorEnvelope("Rate limit exceeded", status=429, headers={"Retry-After": str(seconds)})
            state.records.apply_events(state.now())
            body = await call(state, caller, request)
            if body is None:
                return Response(status_code=status, headers=_request_id())
            return JSONResponse(body, status, _request_id())

        return Route(path, endpoint, methods=[method])

    return [
        route("POST", "/v2/loras", loras.create, 202),
        route("GET", "/v2/loras", loras.list_all),
        route("GET", "/v2/loras/{id}", loras.show),
        route("DELETE", "/v2/loras/{id}", loras.archive, 204),
        route("POST", "/v2/images/generate", images.generate, 202),
        route("GET", "/v2/jobs", jobs.list_all),
        route("GET", "/v2/jobs/{id}", jobs.show),
        route("GET", "/v2/me", account.show),
        Route("/images/{name}", image, methods=["GET"]),
        Route("/sandbox/behaviour", behaviour, methods=["GET", "POST"]),
    ]


def _request_id() -> dict[str, str]:
    return {"X-Request-Id": str(uuid.uuid4())}  # [C] the vendor's SDK reads it


async def _respond_with_error(_: Request, error: ErrorEnvelope) -> Response:
    return JSONResponse(error.body, error.status, {**error.headers, **_request_id()})


async def _respond_to_unknown_call(_: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


# Starlette declares handlers as taking any Exception but calls each with the class it is registered for.
HANDLERS: dict[Any, Any] = {ErrorEnvelope: _respond_with_error, HTTPException: _respond_to_unknown_call}
