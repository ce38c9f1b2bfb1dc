"""Words and phrases that many sentences share. Pure."""

from __future__ import annotations

from typing import Final, Literal

from apiframe_studio.api.provider import Kind
from apiframe_studio.ledger.states import State
from apiframe_studio.training import Training

Status = Literal[
    "submitting", "queued", "processing", "finished", "failed", "unconfirmed", "rejected", "abandoned"
]
"""The status of a training, in the same words everywhere."""

STATUS: dict[State, Status] = {
    State.INTENT: "submitting",
    State.SENDING: "submitting",
    State.QUEUED: "queued",
    State.PROCESSING: "processing",
    State.FINISHED: "finished",
    State.FAILED: "failed",
    State.UNCONFIRMED: "unconfirmed",
    State.REJECTED: "rejected",
    State.ABANDONED: "abandoned",
}

QUOTE: Final = "quote"
"""The status of a paid call that was not sent, because the user has not agreed to its price."""

KIND_NAMES = {Kind.TRAINING: "training", Kind.UPLOAD: "photo upload", Kind.GENERATION: "image generation"}

PhotosStatus = Literal[
    "submitting",
    "uploading",
    "preparing",
    "ready",
    "failed",
    "unconfirmed",
    "rejected",
    "abandoned",
    "expired",
]

SET_STATUS: dict[State, PhotosStatus] = {
    State.INTENT: "submitting",
    State.SENDING: "uploading",
    State.QUEUED: "preparing",
    State.PROCESSING: "preparing",
    State.FINISHED: "ready",
    State.FAILED: "failed",
    State.UNCONFIRMED: "unconfirmed",
    State.REJECTED: "rejected",
    State.ABANDONED: "abandoned",
}

SANDBOX_NOTE = "Sandbox: simulated results, no real credits."


def join_sentences(sandbox: bool, *sentences: str) -> str:
    """Join sentences into one text, with SANDBOX_NOTE first in the sandbox. Empty ones are left out."""
    return " ".join(sentence for sentence in (SANDBOX_NOTE if sandbox else "", *sentences) if sentence)


def describe_place(training: Training) -> str:
    """Return where a submission that the key does not reach was made."""
    team = f" by another team ({training.team_id})" if training.team_id else ""
    return f"{training.service}{team}"


def costs(status: str) -> str:
    """Return the verb of a price: unconfirmed requests may not have been charged, failed ones refunded."""
    return "may have cost" if status in {"unconfirmed", "failed"} else "costs"


def describe_balance(credits_left: float | None) -> str:
    """Describe the credits left; empty when unknown."""
    return "" if credits_left is None else f"{pluralize(credits_left, 'credit')} left on the account."


def pluralize(number: float, thing: str) -> str:
    """Return a number with its noun: 1 credit, 3 credits."""
    return f"{number:g} {thing}" if number == 1 else f"{number:g} {thing}s"
