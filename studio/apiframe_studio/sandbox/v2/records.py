"""LoRAs and jobs as the sandbox stores them, and the JSON that the v2 contract has for them.

Their status is a function of their creation and the current time. What moves credits later than the request is an
event: `next_event` is the time of it, and the store applies the events of all records in the order of time.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ..progress import compute_fraction
from ..tasks import JsonObject, Portrait, derive_letters, format_timestamp

CREATE_CREDITS = 2
TRAINING_CREDITS = 255
CREDITS_PER_IMAGE = 2
IMAGE_LIFETIME_SECONDS = 24 * 3600.0
"""The document says 24 hours, other pages 90 days."""

QUEUED, CAPTIONED = 0.05, 0.25
"""Fractions of a training's time after which it leaves PENDING and UPLOADING."""

FAILS_AFTER = 0.5
"""Fraction of the time after which a record that is to fail does so."""

PROGRESS_STEP = 25
"""Percentages of a job move in these steps, so that a webhook is posted a few times only."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    user_id: str
    team_id: str
    created_at: float
    seconds: float
    fails: bool = False
    failed_at: float | None = None
    error: str | None = None

    def elapsed(self, now: float) -> float:
        """Return the elapsed fraction of the record's time, from 0 to 1."""
        return min(1.0, compute_fraction(self.created_at, now, self.seconds))

    def at(self, fraction: float) -> float:
        """Return the time at which this fraction has elapsed."""
        return self.created_at + fraction * self.seconds


class Lora(_Record):
    """A training and the model that it becomes."""

    kind: Literal["lora"] = "lora"
    name: str
    subject_kind: str
    gender: str | None
    ethnicity: str | None
    age: str | None
    image_count: int
    steps: int
    lora_rank: int
    hidden_until: float = 0
    has_late_word: bool = False
    is_charged: bool = False
    archived_at: float | None = None

    @property
    def trigger_word(self) -> str:
        """Six letters, as in the samples; the text of the documentation says five."""
        return derive_letters(self.id, 6)

    def status(self, now: float) -> str:
        return "ARCHIVED" if self.archived_at is not None else self._status_if_kept(now)

    def _status_if_kept(self, now: float) -> str:
        elapsed = self.elapsed(now)
        if self.failed_at is not None:
            return "FAILED"
        if elapsed >= 1:
            return "READY"
        return "PENDING" if elapsed < QUEUED else "UPLOADING" if elapsed < CAPTIONED else "TRAINING"

    def is_in_flight(self, now: float) -> bool:
        return self.status(now) in ("PENDING", "UPLOADING", "TRAINING")

    def next_event(self) -> float | None:
        if self.failed_at is not None or self.archived_at is not None:
            return None
        if not self.is_charged:
            return self.at(QUEUED)
        return self.at(FAILS_AFTER) if self.fails else None

    def after_event(self, credits_left: int) -> tuple[Lora, int]:
        """Return the LoRA after its next event, and the credits that it costs, negative if they come back.

        The 255 credits are taken when the training leaves the queue. [?] Without them it fails, and the 2 come back
        because the training has not started; of a training that has, only the 255 come back. [D], contradicted by [D]
        """
        if self.is_charged:
            error = "Training failed: too few of the images show the subject"
            return self._failed(self.at(FAILS_AFTER), error), -TRAINING_CREDITS
        if credits_left < TRAINING_CREDITS:
            error = "Insufficient credits to start the training"
            return self._failed(self.at(QUEUED), error), -CREATE_CREDITS
        return self.model_copy(update={"is_charged": True}), TRAINING_CREDITS

    def _failed(self, at: float, error: str) -> Lora:
        return self.model_copy(update={"failed_at": at, "error": error})

    def to_json(self, now: float) -> JsonObject:
        status = self.status(now)
        # What was reached before it was archived.
        reached = self._status_if_kept(now if self.archived_at is None else self.archived_at)
        started = self.at(QUEUED) if reached != "PENDING" and self.is_charged else None
        completed = self.failed_at if reached == "FAILED" else self.at(1) if reached == "READY" else None
        has_word = reached == "READY" and not self.has_late_word
        return {
            "id": self.id,
            "userId": self.user_id,
            "teamId": self.team_id,
            "name": self.name,
            "subjectKind": self.subject_kind,
            "gender": self.gender,
            "ethnicity": self.ethnicity,
            "age": self.age,
            "status": status,
            "imageCount": self.image_count,
            "steps": self.steps,
            "loraRank": self.lora_rank,
            "isReady": status == "READY",
            "hasWeights": status == "READY",
            "error": self.error,
            "triggerWord": self.trigger_word if has_word else None,
            "createdAt": format_timestamp(self.created_at),
            "startedAt": _format(started),
            "completedAt": _format(completed),
        }

    def to_webhook(self, now: float) -> JsonObject | None:
        """Return what is posted in the present status, or None. The fields are [?]; only that it is posted is [D]."""
        status = self.status(now)
        if status not in ("READY", "FAILED"):
            return None
        event = "completed" if status == "READY" else "failed"
        return {"event": event, "loraId": self.id, "status": status, "error": self.error}


class Job(_Record):
    """A generation of images."""

    kind: Literal["job"] = "job"
    portrait: Portrait
    input: JsonObject
    image_urls: tuple[str, ...]
    result_shape: str

    @property
    def cost(self) -> int:
        return CREDITS_PER_IMAGE * len(self.image_urls)

    def status(self, now: float) -> str:
        elapsed = self.elapsed(now)
        if self.failed_at is not None:
            return "FAILED"
        if elapsed >= 1:
            return "COMPLETED"
        return "QUEUED" if elapsed < QUEUED else "PROCESSING"

    def is_expired(self, now: float) -> bool:
        return self.status(now) == "COMPLETED" and now >= self.at(1) + IMAGE_LIFETIME_SECONDS

    def next_event(self) -> float | None:
        return self.at(FAILS_AFTER) if self.fails and self.failed_at is None else None

    def after_event(self, _: int) -> tuple[Job, int]:
        """Return the job after it has failed, and its cost, which comes back."""
        update = {"failed_at": self.at(FAILS_AFTER), "error": "The model returned no image"}
        return self.model_copy(update=update), -self.cost

    def to_json(self, now: float, *, webhook_status: str | None, with_input: bool) -> JsonObject:
        status = self.status(now)
        is_completed = status == "COMPLETED"
        completed = self.at(1) if is_completed else self.failed_at
        job: JsonObject = {
            "id": self.id,
            "status": status,
            "model": "flux-lora",
            "progress": self._progress(now),
            "error": self.error,
            "creditCost": 0 if status == "FAILED" else self.cost,
            "webhookStatus": webhook_status,
            "createdAt": format_timestamp(self.created_at),
            "completedAt": _format(completed),
            "expired": self.is_expired(now),
        }
        return (
            job
            | ({"input": self.input} if with_input else {})
            | ({"result": self._result()} if is_completed else {})
        )

    def to_webhook(self, now: float) -> JsonObject | None:
        """Return what is posted in the present status and progress, or None while the job is queued. [D]"""
        status = self.status(now)
        head: JsonObject = {"jobId": self.id, "status": status, "model": "flux-lora"}
        if status == "QUEUED":
            return None
        if status == "FAILED":
            return {"event": "failed", **head, "error": self.error}
        if status == "PROCESSING":
            return {"event": "progress", **head, "progress": self._progress(now)}
        end = {"creditCost": self.cost, "completedAt": format_timestamp(self.at(1))}
        return {"event": "completed", **head, "progress": 100, "result": self._result(), **end}

    def _progress(self, now: float) -> int:
        elapsed = FAILS_AFTER if self.failed_at is not None else self.elapsed(now)
        return round(elapsed * 100) // PROGRESS_STEP * PROGRESS_STEP

    def _result(self) -> object:
        urls = list(self.image_urls)
        return {"images": {"images": urls}, "text": urls[0], "list": urls}[self.result_shape]


Record = Lora | Job
RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


def _format(seconds: float | None) -> str | None:
    return None if seconds is None else format_timestamp(seconds)
