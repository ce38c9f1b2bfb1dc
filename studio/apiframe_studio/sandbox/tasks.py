"""What the sandbox remembers of a task, and what `/fetch` and the webhook say about it.

The answers are those of the v1 contract, oddities included: a running upload has neither id nor percentage,
a running training has its percentage as a string and a finished one as a number.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from .progress import FINAL, Progress, Status, progress

Answer = dict[str, object]

GENERATE = "ai-photo-generate"
"""The `task_type` of a generation."""

PHOTO_SET_LIFETIME = 24 * 3600.0
"""Seconds that an uploaded set can be trained on. The service documents `expires_at` but no length."""


class _Task(BaseModel):
    model_config = ConfigDict(frozen=True)

    task_id: str
    submitted_at: float
    seconds: float
    fails_after: float | None = None

    def progress(self, now: float) -> Progress:
        return progress(self.submitted_at, now, self.seconds, self.fails_after)

    def is_finished(self, now: float) -> bool:
        return self.progress(now).status is Status.FINISHED

    def is_final(self, now: float) -> bool:
        return self.progress(now).status in FINAL


class PhotoSet(_Task):
    """An upload: pictures that a training can be started on until they expire."""

    kind: Literal["upload"] = "upload"
    photos: int
    expires_at: float
    unusable: bool = False

    def is_expired(self, now: float) -> bool:
        return now >= self.expires_at

    def answer(self, now: float) -> Answer:
        status = self.progress(now).status
        if status is not Status.FINISHED:
            return {"status": status, "message": "Training images are being processed"}
        return {
            "task_id": self.task_id,
            "status": status,
            "message": "Images ready for training",
            "expires_at": timestamp(self.expires_at),
        }


class Portrait(BaseModel):
    """What is to be seen in the pictures of a generation. `subject` is None when the prompt names nobody."""

    model_config = ConfigDict(frozen=True)

    subject: str | None
    prompt: str
    seed: int
    width: int
    height: int


class Training(_Task):
    """A training, with the word that it ends with."""

    kind: Literal["training"] = "training"
    trigger_word: str

    def answer(self, now: float) -> Answer:
        here = self.progress(now)
        head: Answer = {"task_id": self.task_id, "status": here.status}
        match here.status:
            case Status.FINISHED:
                words = "Training finished, you can generate photos now!"
                return head | {"message": words, "percentage": 100, "trigger_word": self.trigger_word}
            case Status.FAILED:
                return head | {"message": "Training failed: too few of the images show a face"}
            case _:
                return head | {"message": "Training is in progress", "percentage": str(here.percentage)}


class Generation(_Task):
    """Pictures made with a training, each drawn when its address is asked for."""

    kind: Literal["generation"] = "generation"
    portrait: Portrait
    image_urls: tuple[str, ...]

    def answer(self, now: float) -> Answer:
        head: Answer = {"task_id": self.task_id, "status": self.progress(now).status, "task_type": GENERATE}
        return head | {"image_urls": list(self.image_urls)} if self.is_finished(now) else head


Task = PhotoSet | Training | Generation
TASK: TypeAdapter[Task] = TypeAdapter(Annotated[Task, Field(discriminator="kind")])


def change(answer: Answer) -> str:
    """What tells one webhook update of a task from the next: its status and percentage."""
    return f"{answer['status']} {answer.get('percentage', '')}".strip()


def timestamp(seconds: float) -> str:
    """Seconds since the epoch in the form the service writes, such as 2025-02-21T05:48:46.599Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
