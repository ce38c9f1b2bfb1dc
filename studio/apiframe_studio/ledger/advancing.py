"""How a remembered submission changes by an answer or a look. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from apiframe_studio.ledger.rows import Answer, Observation, Submission
from apiframe_studio.submission import FINAL, Event, State, after

SEEN: Final = {
    State.QUEUED: Event.SEEN_QUEUED,
    State.PROCESSING: Event.SEEN_PROCESSING,
    State.FINISHED: Event.SEEN_FINISHED,
    State.FAILED: Event.SEEN_FAILED,
}


def settled(row: Submission, attempt: int, event: Event, answer: Answer, now: float) -> Submission | None:
    if row.attempt != attempt or (following := after(row.state, event)) is None:
        return None
    return replace(
        row,
        state=following,
        lease_until=None,
        task_id=answer.task_id or row.task_id,
        message=answer.message or row.message,
        answer=answer.raw if following in (State.UNCONFIRMED, State.QUEUED) else None,
        accepted_at=now if following is State.QUEUED else row.accepted_at,
        finished_at=now if following in FINAL else row.finished_at,
    )


def observed(row: Submission, following: State, seen: Observation) -> Submission:
    started = seen.at if following is State.PROCESSING else None
    return replace(
        row,
        state=following,
        percentage=row.percentage if seen.percentage is None else seen.percentage,
        message=seen.message or row.message,
        trigger_word=seen.trigger_word or row.trigger_word,
        expires_at=seen.expires_at or row.expires_at,
        started_at=row.started_at or started,
        finished_at=row.finished_at or (seen.at if following in FINAL else None),
        checked_at=seen.at,
    )


def is_news(row: Submission, seen: Observation) -> bool:
    """Whether a look said anything that the row does not."""
    following = after(row.state, SEEN[seen.state])
    return following is not None and not same_news(row, observed(row, following, seen))


def same_news(before: Submission, now: Submission) -> bool:
    return replace(before, checked_at=None) == replace(now, checked_at=None)
