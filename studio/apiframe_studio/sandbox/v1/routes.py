"""The calls of the v1 contract as routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import ErrorResponse
from ..schemas import read_body
from ..state import State
from ..tasks import JsonObject
from . import generations, schemas, tasks, trainings, uploads

WRONG_KEY = "wrong-key"


def build_routes(state: State) -> list[Route]:
    """Return the routes of the documented calls and of the images."""

    async def upload(request: Request) -> JsonObject:
        return await uploads.upload(
            state, await read_body(request, schemas.UploadBody, schemas.MAX_UPLOAD_BYTES)
        )

    async def train(request: Request) -> JsonObject:
        return trainings.train(state, await read_body(request, schemas.TrainBody))

    async def generate(request: Request) -> JsonObject:
        body = await read_body(request, schemas.GenerateBody)
        return generations.generate(state, body, str(request.base_url).rstrip("/"))

    async def fetch(request: Request) -> JsonObject:
        return tasks.fetch(state, await read_body(request, schemas.FetchBody))

    async def fetch_many(request: Request) -> JsonObject:
        return tasks.fetch_many(state, await read_body(request, schemas.FetchManyBody))

    async def account(_: Request) -> JsonObject:
        return tasks.get_account(state)

    async def image(request: Request) -> Response:
        # Like the service's image URLs, these need no key.
        content = await generations.render_image(state, request.path_params["name"])
        return Response(content, media_type="image/png")

    return [
        _route("POST", "/ai-photo-upload", upload),
        _route("POST", "/ai-photo-train", train),
        _route("POST", "/ai-photo-generate", generate),
        _route("POST", "/fetch", fetch),
        _route("POST", "/fetch-many", fetch_many),
        _route("GET", "/account", account),
        Route("/pictures/{name}", image, methods=["GET"]),
    ]


def authenticate(authorization: str | None) -> None:
    """Accept any bare key.

    Raises:
        ErrorResponse: 400 for a v2 key, as the service does; 401 if the key is missing, wrong or follows a scheme.
    """
    key = authorization or ""
    if key.startswith("afk_"):
        raise ErrorResponse("API keys that begin with afk_ are for the v2 API")
    if not key.strip() or key == WRONG_KEY or " " in key.strip():
        raise ErrorResponse(status=401)


def _route(method: str, path: str, call: Callable[[Request], Awaitable[JsonObject]]) -> Route:
    async def endpoint(request: Request) -> Response:
        authenticate(request.headers.get("authorization"))
        return JSONResponse(await call(request))

    return Route(path, endpoint, methods=[method])
