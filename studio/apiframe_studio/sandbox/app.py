"""The sandbox as an ASGI app: the v1 contract, and apart from it the controls under `/sandbox/`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import schemas, v1
from .errors import Refusal
from .generations import generate, picture
from .request_log import Logbook
from .tasks import Answer, timestamp
from .uploads import upload
from .webhook_delivery import keep_announcing

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from .sandbox import Sandbox

Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(sandbox: Sandbox) -> ASGIApp:
    """The app of one sandbox. With a lifespan (on a port) it also looks for changes to post once a second."""
    app = Starlette(
        routes=[*_contract(sandbox), *_controls(sandbox)],
        exception_handlers=_HANDLERS,
        lifespan=_lifespan(sandbox),
    )
    app.router.redirect_slashes = False
    return Logbook(app, sandbox)


def _contract(sandbox: Sandbox) -> list[Route]:
    async def uploading(request: Request) -> Answer:
        return await upload(sandbox, await schemas.read(request, schemas.UploadBody, schemas.UPLOAD_LIMIT))

    async def training(request: Request) -> Answer:
        return v1.train(sandbox, await schemas.read(request, schemas.TrainBody))

    async def generating(request: Request) -> Answer:
        body = await schemas.read(request, schemas.GenerateBody)
        return generate(sandbox, body, str(request.base_url).rstrip("/"))

    async def fetching(request: Request) -> Answer:
        return v1.fetch(sandbox, await schemas.read(request, schemas.FetchBody))

    async def fetching_many(request: Request) -> Answer:
        return v1.fetch_many(sandbox, await schemas.read(request, schemas.FetchManyBody))

    async def account(_: Request) -> Answer:
        return v1.account(sandbox)

    return [
        Route("/ai-photo-upload", _keyed(uploading), methods=["POST"]),
        Route("/ai-photo-train", _keyed(training), methods=["POST"]),
        Route("/ai-photo-generate", _keyed(generating), methods=["POST"]),
        Route("/fetch", _keyed(fetching), methods=["POST"]),
        Route("/fetch-many", _keyed(fetching_many), methods=["POST"]),
        Route("/account", _keyed(account), methods=["GET"]),
        Route("/pictures/{name}", _pictures(sandbox), methods=["GET"]),
    ]


def _keyed(call: Callable[[Request], Awaitable[Answer]]) -> Endpoint:
    """A call that is looked at only when its key is right."""

    async def endpoint(request: Request) -> Response:
        v1.check_key(request.headers.get("authorization"))
        return JSONResponse(await call(request))

    return endpoint


def _pictures(sandbox: Sandbox) -> Endpoint:
    """A picture's address is its own key, as with the service's."""

    async def endpoint(request: Request) -> Response:
        drawn = await picture(sandbox, request.path_params["name"])
        return Response(drawn, media_type="image/png")

    return endpoint


def _controls(sandbox: Sandbox) -> list[Route]:
    """Calls that the service does not have. They need no key."""

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            await sandbox.advance((await schemas.read(request, schemas.ClockBody)).advance_seconds)
        return JSONResponse({"now": timestamp(sandbox.now()), "offset_seconds": sandbox.store.offset()})

    async def reset(_: Request) -> Response:
        sandbox.store.wipe()
        return JSONResponse({})

    async def log(_: Request) -> Response:
        return JSONResponse({"paid": sandbox.store.paid(), "requests": sandbox.store.requests()})

    return [
        Route("/sandbox/clock", clock, methods=["GET", "POST"]),
        Route("/sandbox/reset", reset, methods=["POST"]),
        Route("/sandbox/log", log, methods=["GET"]),
    ]


def _lifespan(sandbox: Sandbox) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_announcing, sandbox)
            yield
            tasks.cancel_scope.cancel()

    return lifespan


async def _refused(_: Request, refusal: Refusal) -> Response:
    return JSONResponse(refusal.body(), refusal.status)


async def _no_such_call(_: Request, wrong: HTTPException) -> Response:
    return JSONResponse(Refusal(wrong.detail).body(), wrong.status_code, wrong.headers)


async def _broken_off(_: Request, __: ClientDisconnect) -> Response:
    return Response(status_code=400)  # For the log of requests: the client has gone.


# Starlette types every handler as one that takes any Exception, and calls it with the class it stands under.
_HANDLERS: dict[Any, Any] = {
    Refusal: _refused,
    HTTPException: _no_such_call,
    ClientDisconnect: _broken_off,
}
