"""Request bodies of the v1 contract: read under a limit, checked, refused with 400 and never with 500.

Null and the empty string mean absent for what is optional. Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from starlette.requests import Request

from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.webhooks import problem_of

from .errors import Refusal
from .store import FARTHEST

BODY_LIMIT = 256 * 1024
"""Bytes of a request without pictures."""

UPLOAD_LIMIT = 64 * 1024 * 1024
"""Bytes of an upload: 30 photos of 1.5 MB each in base64."""

SIDES = (64, 2048)
"""Pixels that a side may have; the service documents no limits."""


def _absent_when_empty(value: object) -> object:
    return None if value == "" else value


def _side(text: str) -> str:
    if not SIDES[0] <= int(text) <= SIDES[1]:
        raise ValueError(f"must be from {SIDES[0]} to {SIDES[1]}")
    return text


def _web_address(value: str | None) -> str | None:
    if value is not None and problem_of(value, service_is_local=True) is not None:
        raise ValueError("must be an https URL, or an http one of this machine")
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
OptionalText = Annotated[
    Annotated[str, StringConstraints(max_length=2048)] | None, BeforeValidator(_absent_when_empty)
]


Ethnicity = Literal[
    "asian", "black", "latino", "middle eastern", "native american", "pacific islander", "white"
]
# fmt: off
AspectRatio = Literal[
    "1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3", "21:9", "9:21",
    "5:4", "4:5", "1:2", "2:1", "1:3", "3:1", "1:4", "4:1", "custom",
]
# fmt: on
PixelText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$"), AfterValidator(_side)]


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


class UploadBody(WithWebhook):
    """`POST /ai-photo-upload`. Whether the images are images is judged by `uploads`."""

    images: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=10, max_length=30)]
    ethnicity: Ethnicity
    gender: Literal["female", "male"]
    age: Annotated[int, Field(ge=0, le=150)] | None = None


class GenerateBody(Body):
    """`POST /ai-photo-generate`. Numbers are text here, as documented, but for the seed."""

    training_id: Name
    prompt: Annotated[str, StringConstraints(pattern=r"\S", max_length=4000)]
    aspect_ratio: AspectRatio = "1:1"
    width: PixelText | None = None
    height: PixelText | None = None
    number_of_images: Literal["1", "2", "3", "4"] = "1"
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None

    @model_validator(mode="after")
    def _sides_go_with_custom(self) -> Self:
        given = (self.width is not None, self.height is not None)
        if given != ((True, True) if self.aspect_ratio == "custom" else (False, False)):
            raise ValueError("width and height are both needed with aspect_ratio custom, and only with it")
        return self


class FetchBody(Body):
    """`POST /fetch`."""

    task_id: Name


class FetchManyBody(Body):
    """`POST /fetch-many`."""

    task_ids: Annotated[list[Name], Field(min_length=2, max_length=20)]


class ClockBody(Body):
    """`POST /sandbox/clock`: seconds to move by, backwards when negative."""

    advance_seconds: Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]


Kind = TypeVar("Kind", bound=Body)


async def read(request: Request, kind: type[Kind], limit: int = BODY_LIMIT) -> Kind:
    """The request's body as `kind`. Raises Refusal: 413 over `limit` bytes, 400 for anything else wrong."""
    body = await _bytes(request, limit)
    # An upload of tens of megabytes takes long enough to be felt by everybody else on the event loop.
    return await in_file_thread(parse, body, kind) if len(body) > BODY_LIMIT else parse(body, kind)


def parse(body: bytes | bytearray, kind: type[Kind]) -> Kind:
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


async def _bytes(request: Request, limit: int) -> bytearray:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise Refusal("Request body too large", status=413)
    return body
