"""Requests of the v2 contract: closed JSON bodies, the text fields of a training, and query parameters."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
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
from pydantic_core import ErrorDetails
from starlette.requests import Request

from apiframe_studio.webhooks import find_problem

from .errors import ErrorEnvelope, invalid

MAX_JSON_BYTES = 256 * 1024
MAX_SAFE_INTEGER = 2**53 - 1
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _check_uuid(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise ValueError("Invalid UUID")
    return text.lower()


def _check_length(maximum: int) -> AfterValidator:
    """Limit a text as the service's JavaScript does, which counts most emoji as two characters. [?]"""

    def check(text: str) -> str:
        if len(text.encode("utf-16-le", "surrogatepass")) // 2 > maximum:
            raise ValueError(f"Too big: expected string to have <={maximum} characters")  # [C] the text
        return text

    return AfterValidator(check)


def _check_webhook_url(url: str) -> str:
    if find_problem(url, service_is_local=True) is not None:
        raise ValueError("Invalid URL: https is required")
    return url


def _split(text: object) -> object:
    return text.split(",") if isinstance(text, str) else text


def _forbid_null(value: object) -> object:
    if value is None:
        raise ValueError("Invalid input: expected int, received null")
    return value


Uuid = Annotated[str, AfterValidator(_check_uuid)]
ShortText = Annotated[str, StringConstraints(min_length=1), _check_length(40)]
Seed = Annotated[int, Field(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]
WebhookUrl = Annotated[str, AfterValidator(_check_webhook_url)]


class Closed(BaseModel):
    """A JSON object. Values are not converted, and an unknown field is an error."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class FluxLoraParams(Closed):
    lora_id: Annotated[Uuid, Field(alias="loraId")]
    num_outputs: Annotated[int, Field(ge=1, le=4)] = 1
    aspect_ratio: Literal["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"] = "1:1"
    output_format: Literal["png", "jpg", "webp"] = "png"
    seed: Annotated[Seed | None, BeforeValidator(_forbid_null)] = None
    lora_strength: Annotated[float, Field(ge=0, le=1.5)] = 1.0
    guidance_scale: Annotated[float, Field(ge=1, le=10)] = 3.5
    num_inference_steps: Annotated[int, Field(ge=4, le=50)] = 28


class GenerateBody(Closed):
    """`POST /v2/images/generate` for the model flux-lora."""

    model: Literal["flux-lora"]
    prompt: Annotated[str, StringConstraints(min_length=1), _check_length(2000)]
    flux_lora_params: Annotated[FluxLoraParams, Field(alias="fluxLoraParams")]
    webhook_url: Annotated[WebhookUrl, Field(alias="webhookUrl")] = ""
    webhook_events: Annotated[
        list[Literal["progress", "completed", "failed"]], Field(alias="webhookEvents", min_length=1)
    ] = ["completed", "failed"]


class LoraFields(Closed):
    """The text fields of `POST /v2/loras`. All are text, numbers too."""

    model_config = ConfigDict(strict=False, frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1), _check_length(60)]
    subject_kind: Annotated[Literal["person", "style", "object"], Field(alias="subjectKind")] = "person"
    gender: Literal["female", "male", "non-binary"] | None = None
    ethnicity: ShortText | None = None
    age: ShortText | None = None
    steps: Annotated[int, Field(ge=500, le=3000)] = 1000
    lora_rank: Annotated[int, Field(alias="loraRank", ge=8, le=64)] = 32
    webhook_url: Annotated[WebhookUrl, Field(alias="webhookUrl")] = ""
    webhook_events: Annotated[
        list[Literal["completed", "failed"]], Field(alias="webhookEvents"), BeforeValidator(_split)
    ] = ["completed", "failed"]

    @model_validator(mode="after")
    def _check_person(self) -> Self:
        if self.subject_kind == "person" and (self.gender is None or self.ethnicity is None):
            raise ValueError("gender and ethnicity are required when subjectKind is person")
        return self


class _Query(BaseModel):
    """Query parameters. All are text; unknown ones are ignored. [?]"""

    model_config = ConfigDict(frozen=True)


class LoraQuery(_Query):
    """`GET /v2/loras`."""

    cursor: Uuid | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 24
    include_archived: Annotated[Literal["true", "false"], Field(alias="includeArchived")] = "false"


class JobQuery(_Query):
    """`GET /v2/jobs`."""

    status: Literal["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"] | None = None
    model: str | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: str | None = None
    scope: Literal["user", "team"] = "user"
    search: Uuid | None = None
    include_models: Literal["true", "false"] = "false"


ModelT = TypeVar("ModelT", bound=BaseModel)


async def read_json(request: Request, model: type[ModelT]) -> tuple[ModelT, bytes]:
    """Read and validate a JSON body, and return it with its bytes. Raises ErrorEnvelope with 400."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ErrorEnvelope("Content-Type must be application/json")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON_BYTES:
            raise ErrorEnvelope("Request body too large")
    with translate_errors():
        return model.model_validate_json(body), bytes(body)


def validate(model: type[ModelT], values: Mapping[str, object]) -> ModelT:
    """Validate text fields or query parameters. Raises ErrorEnvelope with 400."""
    with translate_errors():
        return model.model_validate(values)


def require_uuid(text: str) -> str:
    """Return the id of a path in lower case. Raises ErrorEnvelope with 400 unless it is a UUID."""
    if not _UUID.fullmatch(text):
        raise ErrorEnvelope("Invalid UUID")
    return text.lower()


@contextmanager
def translate_errors() -> Generator[None, None, None]:
    """Turn an error of pydantic into a 400 that names each field, and never its value."""
    try:
        yield
    except ValidationError as error:
        details: dict[str, list[str]] = {}
        for one in error.errors(include_url=False, include_input=False):
            details.setdefault(".".join(map(str, one["loc"])), []).append(_describe(one))
        raise invalid(details) from None


def _describe(error: ErrorDetails) -> str:
    fixed = {"extra_forbidden": "Unrecognized key", "missing": "Required"}
    return fixed.get(error["type"]) or error["msg"].removeprefix("Value error, ")
