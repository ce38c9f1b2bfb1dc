"""The rows of the ledger as frozen values. Times are seconds since 1970, UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from apiframe_studio.api.provider import Kind as Kind
from apiframe_studio.ledger.states import State

REF: Final = re.compile(r"(tr|up|ge)-[0-9a-hj-km-np-z]{7}")
"""The form of a ref: this ledger's own name for a submission."""

SET_REF: Final = re.compile(r"ps-((tr|up|ge)-)?[0-9a-hj-km-np-z]{7}")
"""The form of the ref of a photo set. Those of earlier ledgers have the ref of a submission in them."""


@dataclass(frozen=True)
class Scope:
    """Whose rows a ledger works on, and the service that its requests go to.

    An owner's rows of every service are found and listed. Duplicates, the daily cap, durations and idempotency keys
    are those of one service.
    """

    owner: str
    service: str


@dataclass(frozen=True)
class ProviderFacts:
    """What only some providers have, or need to find out what became of a request. What is None is not known."""

    raw_response: str | None = None
    """The answer with secrets masked: kept while it is unconfirmed, or while its images are to be fetched."""
    team_id: str | None = None
    """Whose credits paid for it, where keys belong to teams: no other team's key can reach it."""
    credits_before: float | None = None
    """The team's credits when it was sent."""
    sent_at_service: float | None = None
    """When it was sent, by the clock of the service."""
    deadline_seconds: float | None = None
    """The longest that the request may have taken."""
    body_sent_at: float | None = None
    """When the last part of a streamed body was about to be sent. While it is None, no complete body has left."""
    unclear_since: float | None = None
    """Since when its outcome has been unknown."""
    absent_at: tuple[float, ...] = ()
    """When complete listings of the service did not show it."""


@dataclass(frozen=True)
class Submission:
    """One paid request and its outcome. A column means the same for every kind, or is None for it.

    `dedup_key` is the same for requests that are to be paid for once; None for an upload, whose photos are compared,
    for an imported task, and once a forgotten one has ended. `parent_task_id` is the service's id of what it is made
    of: a training's photo set, a generation's training. `trigger_word` is the one that the service returned. `attempt`
    counts how often it was sent; `lease_until` is until when another process has to leave a SENDING row alone.
    `estimated_credits` is None when the number of photos is not known. Until `expires_at` a finished upload or
    generation answers the same request again: a set expires at a service, so this is a fact of its upload. After
    `forgotten_at` nothing personal is written to the row any more. `missing_since` is when the service first said that
    it does not know the id, that the links are gone, or that a finished set is over.

    `set_ref` names the photo set of an upload or a training; None where this ledger never saw the photos. Read with the
    row are, of the set: the `fingerprint` of the photos (of a forgotten open row, a mark instead), their `photo_count`,
    `attributes_digest`, which stands for what was said about the subject, and `consent_at`, when the user first said
    that the subject agreed.

    `max_credits` is the most that the user agreed to pay for it, where an amount was named. `parameters` is what
    images were asked for besides training and prompt, as the provider's `ImageCall` names it. `delete_since` is when
    the user asked to have it deleted at the service; None again once it is. `reported_at` is when the user learned that
    a training ended: by the result of a call, or by a notification that was about to be sent.
    """

    ref: str
    kind: Kind
    service: str
    owner: str
    dedup_key: str | None
    subject: str | None
    idempotency_key: str | None
    state: State
    attempt: int
    created_at: float
    parent_task_id: str | None = None
    requested_trigger_word: str | None = None
    lease_until: float | None = None
    task_id: str | None = None
    trigger_word: str | None = None
    percentage: float | None = None
    message: str | None = None
    estimated_credits: float | None = None
    sent_at: float | None = None
    accepted_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    checked_at: float | None = None
    image_count: int | None = None
    expires_at: float | None = None
    prompt: str | None = None
    forgotten_at: float | None = None
    missing_since: float | None = None
    reported_at: float | None = None
    provider_facts: ProviderFacts = ProviderFacts()
    max_credits: float | None = None
    parameters: Mapping[str, Any] | None = None
    delete_since: float | None = None
    set_ref: str | None = None
    fingerprint: str | None = None
    attributes_digest: str | None = None
    photo_count: int | None = None
    consent_at: float | None = None

    @property
    def team_id(self) -> str | None:
        """Whose credits paid for it, where keys belong to teams."""
        return self.provider_facts.team_id


@dataclass(frozen=True)
class RecordedSet:
    """A photo set as the ledger has it. See `Submission`, which has the same of its set."""

    ref: str
    fingerprint: str
    attributes_digest: str | None
    photo_count: int | None
    consent_at: float | None


@dataclass(frozen=True)
class Observation:
    """What one status check returned about a task."""

    at: float
    state: State
    percentage: float | None = None
    message: str | None = None
    trigger_word: str | None = None
    expires_at: float | None = None


@dataclass(frozen=True)
class NewTraining:
    """A training about to be remembered.

    `parent_task_id` is the service's id of its photo set; None where the photos are sent with the training. Then
    `set_ref` names the set.
    """

    parent_task_id: str | None
    requested_trigger_word: str | None = None
    subject: str | None = None
    idempotency_key: str | None = None
    estimated_credits: float | None = None
    photo_count: int | None = None
    fingerprint: str | None = None
    set_ref: str | None = None
    kind: ClassVar = Kind.TRAINING

    @property
    def dedup_key(self) -> str | None:
        """A set is trained once."""
        return self.parent_task_id or self.set_ref


@dataclass(frozen=True)
class NewUpload:
    """An upload about to be remembered, with its photo set. The same photos are uploaded once; see `Submission`."""

    fingerprint: str
    attributes_digest: str | None = None
    subject: str | None = None
    estimated_credits: float | None = None
    photo_count: int | None = None
    consent_at: float | None = None
    kind: ClassVar = Kind.UPLOAD
    dedup_key: ClassVar[None] = None


@dataclass(frozen=True)
class NewImages:
    """Images about to be remembered, of the training with this id; `request_digest` is over all else that was asked."""

    parent_task_id: str
    request_digest: str
    subject: str | None = None
    estimated_credits: float | None = None
    image_count: int | None = None
    prompt: str | None = None
    parameters: Mapping[str, Any] | None = None
    kind: ClassVar = Kind.GENERATION

    @property
    def dedup_key(self) -> str:
        """The same request to the same training is made once."""
        return f"{self.parent_task_id} {self.request_digest}"


NewSubmission = NewTraining | NewUpload | NewImages
"""A submission to record: an intent, before anything is sent."""


@dataclass(frozen=True)
class RowPage:
    """A page of submissions, newest first. `total` counts all that match."""

    rows: Sequence[Submission]
    total: int
    more: bool = False
    """Whether older ones follow."""


@dataclass(frozen=True)
class SavedImage:
    """One generated image on this machine. `number` counts from 1 within its generation."""

    ref: str
    number: int
    path: str
    media_type: str
    saved_at: float


@dataclass(frozen=True)
class Answer:
    """The response to a request that was sent: an id, or why there is none. `raw` is the response with secrets
    redacted, kept while the request is unconfirmed or its images are not fetched yet.
    """

    task_id: str | None = None
    message: str | None = None
    raw: str | None = None
