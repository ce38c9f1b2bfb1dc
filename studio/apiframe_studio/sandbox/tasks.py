"""Tasks as the sandbox stores them, and the JSON that `/fetch` and webhooks report about them.

The JSON is that of the v1 contract with its quirks: a running upload has neither id nor percentage, the percentage
of a running training is a string and that of a finished one a number.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from .progress import FINAL, Progress, Status, compute_progress

JsonObject = dict[str, object]

PHOTO_SET_LIFETIME_SECONDS = 24 * 3600.0
"""How long an uploaded set can be trained on. The service documents `expires_at` but no duration."""


class _Task(BaseModel):
    model_config = ConfigDict(frozen=True)

    task_id: str
    submitted_at: float
    seconds: float
    fails_after: float | None = None

    def progress(self, now: float) -> Progress:
        return compute_progress(self.submitted_at, now, self.seconds, self.fails_after)

    def is_finished(self, now: float) -> bool:
        return self.progress(now).status is Status.FINISHED

    def is_final(self, now: float) -> bool:
        return self.progress(now).status in FINAL


class PhotoSet(_Task):
    """An upload. A training can be started on it until it expires."""

    kind: Literal["upload"] = "upload"
    photos: int
    expires_at: float
    unusable: bool = False

    def is_expired(self, now: float) -> bool:
        return now >= self.expires_at

    def to_json(self, now: float) -> JsonObject:
        status = self.progress(now).status
        if status is not Status.FINISHED:
            return {"status": status, "message": "Training images are being processed"}
        return {
            "task_id": self.task_id,
            "status": status,
            "message": "Images ready for training",
            "expires_at": format_timestamp(self.expires_at),
        }


class Portrait(BaseModel):
    """What the images of a generation show. `subject` is None if the prompt lacks the trigger word."""

    model_config = ConfigDict(frozen=True)

    subject: str | None
    prompt: str
    seed: int
    width: int
    height: int


class Training(_Task):
    kind: Literal["training"] = "training"
    trigger_word: str

    def to_json(self, now: float) -> JsonObject:
        progress = self.progress(now)
        head: JsonObject = {"task_id": self.task_id, "status": progress.status}
        match progress.status:
            case Status.FINISHED:
                message = "Training finished, you can generate photos now!"
                return head | {"message": message, "percentage": 100, "trigger_word": self.trigger_word}
            case Status.FAILED:
                return head | {"message": "Training failed: too few of the images show a face"}
            case _:
                return head | {"message": "Training is in progress", "percentage": str(progress.percentage)}


class Generation(_Task):
    """Images made with a training."""

    kind: Literal["generation"] = "generation"
    portrait: Portrait
    image_urls: tuple[str, ...]

    def to_json(self, now: float) -> JsonObject:
        status = self.progress(now).status
        head: JsonObject = {"task_id": self.task_id, "status": status, "task_type": "ai-photo-generate"}
        return head | {"image_urls": list(self.image_urls)} if self.is_finished(now) else head


Task = PhotoSet | Training | Generation
TASK: TypeAdapter[Task] = TypeAdapter(Annotated[Task, Field(discriminator="kind")])


def compute_change_key(response: JsonObject) -> str:
    """Return the status and percentage of a response: a webhook is posted whenever this text changes."""
    return f"{response['status']} {response.get('percentage', '')}".strip()


def derive_letters(task_id: str, count: int) -> str:
    """Return capital letters for the trigger word of a task, always the same ones."""
    digest = hashlib.sha256(task_id.encode()).digest()
    return "".join(chr(ord("A") + byte % 26) for byte in digest[:count])


def derive_seed(task_id: str) -> int:
    """Return a 32-bit seed for a request without one."""
    return int.from_bytes(hashlib.sha256(task_id.encode()).digest()[:4])


def format_timestamp(seconds: float) -> str:
    """Format seconds since the epoch as the service does, such as 2025-02-21T05:48:46.599Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
