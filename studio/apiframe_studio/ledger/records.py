"""What the ledger remembers, as plain frozen values. Times are seconds since 1970, UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from apiframe_studio.api.provider import Kind as Kind
from apiframe_studio.ledger.states import State

REF: Final = re.compile(r"(tr|up|ge)-[0-9a-hj-km-np-z]{7}")
"""The form of a ref: this ledger's own name for a submission."""


@dataclass(frozen=True)
class Scope:
    """Whose rows a ledger works on, and the service that its requests go to.

    An owner's rows of every service are found and listed. Duplicates, the daily cap, durations and idempotency keys
    are those of one service.
    """

    owner: str
    service: str


@dataclass(frozen=True)
class Submission:
    """One paid request and what became of it.

    `about` is what is paid for (a training: the `training_images_id`; an upload: the fingerprint of its
    pictures; a generation: training and parameters), `wording` the trigger word that was asked for (an
    upload: a digest of what was said about the person), `trigger_word` the one the service returned.
    `attempt` counts how often it was sent; `lease_until` says how long another process has to leave a
    SENDING row alone. `credits` is an estimate, None when the number of photos is not known. After
    `expires_at` a finished upload is of no use, and a finished generation is made anew when it is asked
    for again. `consent_at` is when a person said that the subject agreed. `answer` is the service's raw
    answer, with secrets masked, to an unconfirmed request or to one whose pictures are still to be fetched.
    `fingerprint` is that of the photos: an upload's own, a training's that of its set, None where this ledger
    never saw them. After `forgotten_at` nothing personal is written to the row any more. `missing_since` is
    when the service first said that it does not know the id, that the links are gone, or that a finished set is over.
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
    photos: int | None = None
    expires_at: float | None = None
    consent_at: float | None = None
    prompt: str | None = None
    fingerprint: str | None = None
    forgotten_at: float | None = None
    missing_since: float | None = None


@dataclass(frozen=True)
class Observation:
    """What one look at the service said about a task."""

    at: float
    state: State
    percentage: float | None = None
    message: str | None = None
    trigger_word: str | None = None
    expires_at: float | None = None


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
    photos: int | None = None
    consent_at: float | None = None
    prompt: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class RowPage:
    """Some submissions, newest first. `total` counts every one that was asked for, on this page or not."""

    rows: Sequence[Submission]
    total: int
    more: bool = False
    """Whether older ones follow."""


@dataclass(frozen=True)
class SavedImage:
    """One generated picture on this machine. `number` counts from 1 within its generation."""

    ref: str
    number: int
    path: str
    media_type: str
    saved_at: float


@dataclass(frozen=True)
class Answer:
    """What came back for a request that was sent: an id, or why there is none.

    `raw` is the service's answer with secrets masked: kept while it is unconfirmed, and for pictures that
    still have to be fetched.
    """

    task_id: str | None = None
    message: str | None = None
    raw: str | None = None
