"""Request bodies of the v1 contract: read under a limit, checked, refused with 400 and never with 500.

Null and the empty string mean absent for what is optional. Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from starlette.requests import Request

from .refusals import Refusal
from .store import FARTHEST

BODY_LIMIT = 256 * 1024
"""Bytes of a request without pictures."""


def _absent_when_empty(value: object) -> object:
    return None if value == "" else value


def _web_address(value: str | None) -> str | None:
    if value is not None and not _is_web_address(value):
        raise ValueError("must be a URL")
    return value


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
OptionalText = Annotated[
    Annotated[str, StringConstraints(max_length=2048)] | None, BeforeValidator(_absent_when_empty)
]


class Body(BaseModel):
    """A JSON object whose fields are taken as they are, never converted."""

    model_config = ConfigDict(strict=True, frozen=True)


class WithWebhook(Body):
    """A request whose result may be posted somewhere."""

    webhook_url: Annotated[OptionalText, AfterValidator(_web_address)] = None
    webhook_secret: OptionalText = None


class TrainBody(WithWebhook):
    """`POST /ai-photo-train`."""

    training_images_id: Name
    trigger_word: OptionalText = None


class FetchBody(Body):
    """`POST /fetch`."""

    task_id: Name


class FetchManyBody(Body):
    """`POST /fetch-many`."""

    task_ids: Annotated[list[Name], Field(min_length=2, max_length=20)]


class ClockBody(Body):
    """`POST /sandbox/clock`: seconds to move by, backwards when negative."""

    advance_seconds: Annotated[float, Field(ge=-FARTHEST, le=FARTHEST, allow_inf_nan=False)]


Kind = TypeVar("Kind", bound=Body)


async def read(request: Request, kind: type[Kind], limit: int = BODY_LIMIT) -> Kind:
    """The request's body as `kind`. Raises Refusal: 413 over `limit` bytes, 400 for anything else wrong."""
    return parse(await _bytes(request, limit), kind)


def parse(body: bytes, kind: type[Kind]) -> Kind:
    """JSON text as `kind`. Raises Refusal with one sentence for each field that is wrong, never its value."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as wrong:
        problems = [
            (error["loc"], error["msg"]) for error in wrong.errors(include_url=False, include_input=False)
        ]
        raise Refusal(*(_sentence(where, what) for where, what in problems[:10])) from None


def _sentence(where: tuple[int | str, ...], what: str) -> str:
    # A body that is no JSON object at all has no place to name; the documentation's own words fit it.
    return f"{where[0]}: {what}" if where else "Invalid request"


async def _bytes(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise Refusal("Request body too large", status=413)
    return bytes(body)
