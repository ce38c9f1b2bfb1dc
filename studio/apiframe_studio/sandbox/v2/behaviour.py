"""Odd cases that the service may show and the sandbox shows on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Every odd case, switched off by default. What concerns a task is decided when the task is created."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    create_unavailable: Literal["without_row", "with_row", "with_failed_row"] | None = None
    """`POST /v2/loras` responds with 503, and a LoRA exists all the same, or exists and has failed, or does not."""

    generate_unavailable: Literal["without_job", "with_job"] | None = None
    """`POST /v2/images/generate` responds with 503, and a job exists all the same or does not."""

    hidden_seconds: Annotated[float, Field(ge=0, le=3600)] = 0
    """How long a new LoRA is missing from the list and unknown by its id."""

    late_trigger_word: bool = False
    """The first response that shows a LoRA as READY has no trigger word yet."""

    training_fails: bool = False
    generation_fails: bool = False
    result_shape: Literal["images", "text", "list"] = "images"
    """How a job shows its images: `{"images": [...]}`, the first URL as text as older pages say, or a list."""

    list_fault: Literal["repeated_cursor", "second_page_fails"] | None = None
    """A list of LoRAs repeats its cursor and never ends, or breaks off with 500 after the first page."""

    retry_after_seconds: Annotated[int, Field(ge=0)] | None = None
    """Every call responds with 429 and this `Retry-After`."""

    generation_disabled: bool = False
    """Image generation is switched off for the team."""

    has_team: bool = True
    """Whether `GET /v2/me` shows the team."""

    webhook_key: Literal["digest", "hex_digest"] = "digest"
    """The signing key: the SHA-256 of the API key as 32 bytes, or as 64 hexadecimal digits. Clients have seen both."""


BEHAVIOUR: TypeAdapter[Behaviour] = TypeAdapter(Behaviour)
