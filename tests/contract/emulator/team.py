"""What the emulated service remembers: who may ask, their credits, trainings and jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

FEE = 2
TRAINING = 255
IMAGE = 2
IN_FLIGHT = ("PENDING", "UPLOADING", "TRAINING")


@dataclass
class Team:
    """Owns credits and trainings."""

    credits: int = 1000
    id: str = field(default_factory=lambda: str(uuid4()))


@dataclass
class Caller:
    """A user of a team. Jobs belong to the user, trainings to the team."""

    team: Team
    id: str = field(default_factory=lambda: str(uuid4()))
    email: str = "user@example.org"
    role: str = "MEMBER"
    is_active: bool = True


@dataclass
class Training:
    """A LoRA. A request that shows it moves it one stage."""

    owner: Caller
    fields: Mapping[str, str]
    image_count: int
    created_at: str
    id: str = field(default_factory=lambda: str(uuid4()))
    status: str = "PENDING"
    error: str | None = None
    trigger_word: str | None = None
    started_at: str | None = None
    completed_at: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As `GET /v2/loras/{id}` shows it."""
        is_ready = self.status == "READY"
        return {
            "id": self.id,
            "userId": self.owner.id,
            "teamId": self.owner.team.id,
            "name": self.fields["name"],
            "subjectKind": self.fields.get("subjectKind", "person"),
            "gender": self.fields.get("gender"),
            "ethnicity": self.fields.get("ethnicity"),
            "age": self.fields.get("age"),
            "status": self.status,
            "imageCount": self.image_count,
            "steps": int(self.fields.get("steps", "1000")),
            "loraRank": int(self.fields.get("loraRank", "32")),
            "isReady": is_ready,
            "hasWeights": is_ready,
            "error": self.error,
            "triggerWord": self.trigger_word,
            "createdAt": self.created_at,
            "startedAt": self.started_at,
            "completedAt": self.completed_at,
        }


@dataclass
class Job:
    """An image generation. A request that shows it moves it one stage."""

    owner: Caller
    input: Mapping[str, Any]
    created_at: str
    cost: int
    id: str = field(default_factory=lambda: str(uuid4()))
    status: str = "QUEUED"
    error: str | None = None
    links: list[str] = field(default_factory=list)
    completed_at: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As the list of jobs shows it."""
        progress = {"QUEUED": 0, "PROCESSING": 50, "COMPLETED": 100}.get(self.status)
        return {
            "id": self.id,
            "status": self.status,
            "model": self.input["model"],
            "progress": progress,
            "result": {"images": self.links} if self.status == "COMPLETED" else None,
            "error": self.error,
            "creditCost": self.cost,
            "webhookStatus": None,
            "createdAt": self.created_at,
            "completedAt": self.completed_at,
            "expired": False,
        }


@dataclass
class Service:
    """All of it. A test sets what shall go wrong."""

    keys: dict[str, Caller]
    trainings: dict[str, Training] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    job_by_key: dict[tuple[str, str], Job] = field(default_factory=dict)
    training_error: str | None = None
    image_error: str | None = None
    busy_seconds: int | None = None
    loses_responses: bool = False
    _written: int = 0

    def now(self) -> str:
        """The time, never the same twice, so that newest first is an order."""
        self._written += 1
        moment = datetime.now(UTC) + timedelta(milliseconds=self._written)
        return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"

    def advance_training(self, training: Training) -> None:
        """Move a training one stage: 255 credits when it leaves the queue, back when it fails."""
        team = training.owner.team
        if training.status == "PENDING":
            if team.credits < TRAINING:
                team.credits += FEE
                training.status, training.error = "FAILED", "Insufficient credits"
                training.completed_at = self.now()
                return
            team.credits -= TRAINING
            training.status = "UPLOADING"
        elif training.status == "UPLOADING":
            training.status, training.started_at = "TRAINING", self.now()
        elif training.status == "TRAINING":
            training.completed_at = self.now()
            if self.training_error:
                team.credits += FEE + TRAINING
                training.status, training.error = "FAILED", self.training_error
            else:
                training.status, training.trigger_word = "READY", "TORKP"

    def advance_job(self, job: Job, base_url: str) -> None:
        """Move a job one stage. Its credits come back when it fails."""
        if job.status == "QUEUED":
            job.status = "PROCESSING"
        elif job.status == "PROCESSING":
            job.completed_at = self.now()
            if self.image_error:
                job.owner.team.credits += job.cost
                job.status, job.error, job.cost = "FAILED", self.image_error, 0
                return
            params = job.input["fluxLoraParams"]
            ending = params.get("output_format", "jpg")
            numbers = range(1, params.get("num_outputs", 1) + 1)
            job.links = [f"{base_url}images/{job.id}-{one}.{ending}" for one in numbers]
            job.status = "COMPLETED"

    def in_flight(self, team: Team) -> int:
        """How many trainings of a team have not ended."""
        return sum(one.owner.team is team and one.status in IN_FLIGHT for one in self.trainings.values())


def newest_first(rows: Iterable[Training | Job]) -> list[Any]:
    """The order of both lists."""
    return sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)
