"""What the ledger remembers, as plain frozen values. Times are seconds since 1970, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from apiframe_studio.submission import State


class Kind(StrEnum):
    """What was paid for."""

    TRAINING = "training"


@dataclass(frozen=True)
class Submission:
    """One paid request and what became of it.

    `about` is what is paid for (a training: the `training_images_id`), `wording` the trigger word that
    was asked for, `trigger_word` the one the service returned. `attempt` counts how often it was sent;
    `lease_until` says how long another process has to leave a SENDING row alone. `credits` is an
    estimate, None when the number of photos is not known. `answer` is the service's raw answer to an
    unconfirmed request, with secrets masked.
    """

    ref: str
    kind: Kind
    service: str
    owner: str
    about: str
    wording: str | None
    subject: str | None
    idempotency_key: str | None
    state: State
    attempt: int
    created_at: float
    lease_until: float | None = None
    task_id: str | None = None
    trigger_word: str | None = None
    percentage: float | None = None
    message: str | None = None
    answer: str | None = None
    credits: float | None = None
    sent_at: float | None = None
    accepted_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    checked_at: float | None = None


@dataclass(frozen=True)
class Observation:
    """What one look at the service said about a task."""

    at: float
    state: State
    percentage: float | None = None
    message: str | None = None
    trigger_word: str | None = None


@dataclass(frozen=True)
class NewSubmission:
    """A submission about to be remembered: an intent before anything is sent."""

    kind: Kind
    service: str
    owner: str
    about: str
    wording: str | None = None
    subject: str | None = None
    idempotency_key: str | None = None
    credits: float | None = None


@dataclass(frozen=True)
class Answer:
    """What came back for a request that was sent: an id, or why there is none."""

    task_id: str | None = None
    message: str | None = None
    raw: str | None = None
