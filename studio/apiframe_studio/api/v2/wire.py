"""Reading the JSON of v2. Pure.

Nothing here trusts the service: a field that is absent, of another type or absurdly large becomes None, unknown fields
are ignored, an unknown status is not final, and nothing raises. Ids are text of any safe form: the OpenAPI document has
UUIDs, the samples have others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WrapValidator
from pydantic.alias_generators import to_camel
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from apiframe_studio.api.http.json_values import (
    array_or_empty,
    object_or_empty,
    read_number,
    read_time,
    read_trigger_word,
)
from apiframe_studio.api.http.redaction import Redactor, Sanitizer
from apiframe_studio.api.http.responses import ResponseFormat
from apiframe_studio.api.provider import Account, Kind, Marker, TaskState, TaskStatus
from apiframe_studio.api.urls import keep_web_urls

ID: Final = re.compile(r"[A-Za-z0-9_-]{8,128}")
_MAX_TEXT: Final = 10_000
_MAX_DETAILS: Final = 5
_MARKER: Final = re.compile(r"(?<![0-9a-z])([a-z]{2}-[0-9a-z]{7})-([0-9a-z]{4})-([0-9]{1,9})(?![0-9a-z])")
_TRAINING_STATES: Final = {
    "PENDING": TaskState.QUEUED,
    "READY": TaskState.FINISHED,
    "FAILED": TaskState.FAILED,
}
_JOB_STATES: Final = {
    "QUEUED": TaskState.QUEUED,
    "COMPLETED": TaskState.FINISHED,
    "FAILED": TaskState.FAILED,
    "CANCELLED": TaskState.FAILED,
}


def read_id(value: object) -> str | None:
    """Return an id that looks like one, or None."""
    return value if isinstance(value, str) and ID.fullmatch(value) else None


def _or_none(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    try:
        return validate(value)
    except ValueError:  # A ValidationError is one.
        return None


_OrNone: Final = WrapValidator(_or_none)
_Text = Annotated[Annotated[str, StringConstraints(max_length=_MAX_TEXT)] | None, _OrNone]
_Id = Annotated[str | None, BeforeValidator(read_id)]
_Count = Annotated[Annotated[int, Field(strict=True, ge=0)] | None, _OrNone]
_Number = Annotated[float | int | None, BeforeValidator(read_number)]
_Time = Annotated[datetime | None, BeforeValidator(read_time)]
_Object = Annotated[dict[str, object], BeforeValidator(object_or_empty)]


class Row(BaseModel):
    """What has an entry in a list."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)

    id: _Id = None
    status: _Text = None
    error: object = None
    created_at: _Time = None

    @property
    def is_readable(self) -> bool:
        """Whether a search could find it."""
        return self.id is not None

    @classmethod
    def read(cls, data: object) -> Self:
        """Read a JSON object; anything else is an empty one."""
        return cls.model_validate(object_or_empty(data))


class Lora(Row):
    """A training, as `GET /v2/loras/{id}` and the list describe it."""

    user_id: _Id = None
    name: _Text = None
    gender: _Text = None
    ethnicity: _Text = None
    image_count: _Count = None
    steps: _Count = None
    lora_rank: _Count = None
    trigger_word: object = None
    started_at: _Time = None

    @property
    def is_readable(self) -> bool:
        """Whether a search, which goes by the name, could find it."""
        return self.id is not None and self.name is not None

    @property
    def is_under_way(self) -> bool:
        """Whether it takes one of the team's places."""
        return (self.status or "").upper() in ("PENDING", "UPLOADING", "TRAINING")

    def markers(self) -> set[Marker]:
        """Return the markers in its name, in whatever case the service returns it."""
        found = _MARKER.findall((self.name or "").lower())
        return {Marker(ref, install, int(attempt)) for ref, install, attempt in found}


class Job(Row):
    """An image generation, as `GET /v2/jobs/{id}` describes it. In a list it has no `input`."""

    progress: _Number = None
    input: _Object = Field(default_factory=dict)
    result: object = None
    expired: object = None


def read_account(data: object, redactor: Redactor) -> Account:
    """Read the account. A key without a team shows no credits."""
    fields = object_or_empty(data)
    user, team = object_or_empty(fields.get("user")), object_or_empty(fields.get("team"))
    return Account(
        credits=read_number(team.get("credits")),
        plan=redactor.sanitize(team.get("plan")) or None,
        user_id=redactor.keep_value(read_id(user.get("id"))),
        team_id=redactor.keep_value(read_id(team.get("id"))),
        lacks_team=fields.get("team", team) is None,
    )


def training_status(lora: Lora, redactor: Redactor) -> TaskStatus:
    """Return the status of a training.

    One that was archived has ended: as finished if it has a trigger word, else as failed.
    """
    word = redactor.keep_value(read_trigger_word(lora.trigger_word))
    status = (lora.status or "").upper()
    is_archived = status == "ARCHIVED"
    state = _TRAINING_STATES.get(status, TaskState.PROCESSING)
    if is_archived:
        state = TaskState.FINISHED if word else TaskState.FAILED
    return TaskStatus(
        task_id=redactor.keep_value(lora.id),
        state=state,
        raw_status=redactor.sanitize(lora.status),
        kind=Kind.TRAINING,
        message=_read_text(lora.error, redactor.sanitize) or None,
        trigger_word=word,
        created_at=lora.created_at,
        started_at=lora.started_at,
        is_archived=is_archived,
        notes=("odd_trigger_word",) if lora.trigger_word not in (None, "") and word is None else (),
    )


def job_status(job: Job, redactor: Redactor) -> TaskStatus:
    """Return the status of an image generation."""
    links = _read_links(job.result)
    urls = redactor.keep_links(keep_web_urls(links))
    percentage = job.progress if job.progress is not None and 0 <= job.progress <= 100 else None
    return TaskStatus(
        task_id=redactor.keep_value(job.id),
        state=_JOB_STATES.get((job.status or "").upper(), TaskState.PROCESSING),
        raw_status=redactor.sanitize(job.status),
        kind=Kind.GENERATION,
        percentage=None if percentage is None else float(percentage),
        message=_read_text(job.error, redactor.sanitize) or None,
        image_urls=urls,
        created_at=job.created_at,
        is_expired=job.expired is True,
        notes=("odd_image_urls",) if len(urls) < len(links) else (),
    )


def read_message(fields: Mapping[str, object], sanitize: Sanitizer) -> str:
    """Return the service's message: `error` or `message`, with the beginning of `details` after it; or ""."""
    message = _read_text(fields.get("error"), sanitize) or _read_text(fields.get("message"), sanitize)
    details = object_or_empty(fields.get("details"))
    named = [f"{path}: {text}" for path, texts in details.items() for text in array_or_empty(texts)]
    return sanitize("; ".join(filter(None, [message, *named[:_MAX_DETAILS]])))


def _read_text(value: object, sanitize: Sanitizer) -> str:
    return sanitize(value) or sanitize(object_or_empty(value).get("message"))


def _read_links(result: object) -> list[object]:
    """Return what may be links: `result` is a text, a list, or an object with `images`, `imageUrl` or `url`."""
    if isinstance(result, str):
        return [result]
    if isinstance(result, list):
        return [link for item in cast("list[object]", result)[:20] for link in _read_links(item)]
    fields = object_or_empty(result)
    named = (_read_links(fields.get(name)) for name in ("images", "imageUrl", "url") if fields.get(name))
    return next(named, list[object]())


def _format(id_field: str) -> ResponseFormat:
    # Anchored, and before any other object begins: the id of a team or a user is not the id of a task.
    field = re.compile(rf'\A\s*\{{[^{{}}\[\]]*?"{id_field}"\s*:\s*"({ID.pattern})"')
    return ResponseFormat(read_message, field, ("creditsRequired", "creditsAvailable"))


TRAINING_FORMAT: Final = _format("id")
JOB_FORMAT: Final = _format("jobId")
