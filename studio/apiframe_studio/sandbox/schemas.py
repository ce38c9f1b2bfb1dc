"""Reading request bodies: limited in size, validated, and rejected with 400 or 413 but never with 500."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from apiframe_studio.file_threads import in_file_thread

from .errors import ErrorResponse
from .store import MAX_CLOCK_OFFSET_SECONDS

MAX_BODY_BYTES = 256 * 1024
"""Limit of a request without photos."""

MAX_ERRORS = 10


class Body(BaseModel):
    """A JSON object. Field values are never converted, unknown fields are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class ClockBody(Body):
    """`POST /sandbox/clock`: seconds to move the clock by, negative to move it back."""

    advance_seconds: Annotated[float, Field(ge=-MAX_CLOCK_OFFSET_SECONDS, le=MAX_CLOCK_OFFSET_SECONDS)]


BodyT = TypeVar("BodyT", bound=Body)


async def read_body(request: Request, model: type[BodyT], max_bytes: int = MAX_BODY_BYTES) -> BodyT:
    """Read and validate the request body.

    Raises:
        ErrorResponse: 413 if the body exceeds `max_bytes`, 400 if it is invalid.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise ErrorResponse("Request body too large", status=413)
    # Parsing an upload of tens of megabytes would block the event loop for a noticeable time.
    if len(body) > MAX_BODY_BYTES:
        return await in_file_thread(parse_body, body, model)
    return parse_body(body, model)


def parse_body(body: bytes | bytearray, model: type[BodyT]) -> BodyT:
    """Validate JSON text.

    Raises:
        ErrorResponse: one message for each invalid field, at most ten, never with the field's value.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_input=False)[:MAX_ERRORS]
        raise ErrorResponse(*(_message(error["loc"], error["msg"]) for error in errors)) from None


def _message(location: tuple[int | str, ...], problem: str) -> str:
    # A body that is not a JSON object has no field to name; the service documents this message for it.
    return f"{location[0]}: {problem}" if location else "Invalid request"
