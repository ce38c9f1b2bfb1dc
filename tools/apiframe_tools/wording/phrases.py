"""Words and phrases that many sentences share. Pure."""

from __future__ import annotations

from typing import Literal

from apiframe_studio.submission import State

Status = Literal[
    "submitting", "queued", "processing", "finished", "failed", "unconfirmed", "rejected", "abandoned"
]
"""Where a training is, in the same words everywhere."""

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

SANDBOX_NOTE = "Sandbox: nothing here is real, and its credits are play money."


def join_sentences(sandbox: bool, *sentences: str) -> str:
    """Sentences as one text, beginning with a word about the sandbox where there is one."""
    return " ".join(sentence for sentence in (SANDBOX_NOTE if sandbox else "", *sentences) if sentence)


def costs(status: str) -> str:
    """The verb of a price: what is unconfirmed may not have been charged, what failed may have been refunded."""
    return "may have cost" if status in {"unconfirmed", "failed"} else "costs"


def describe_balance(credits_left: float | None) -> str:
    """What is left on the account; empty when it is not known."""
    return "" if credits_left is None else f"{pluralize(credits_left, 'credit')} left on the account."


def pluralize(number: float, thing: str) -> str:
    """A number of things in words: 1 credit, 3 credits."""
    return f"{number:g} {thing}" if number == 1 else f"{number:g} {thing}s"
