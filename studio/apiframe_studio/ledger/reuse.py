"""When a settled submission answers a new wish, and what one may have cost at worst. Pure."""

from __future__ import annotations

from typing import Final

from apiframe_studio.intent import is_settled
from apiframe_studio.ledger.rows import Kind, NewSubmission, Submission
from apiframe_studio.submission import State

CREDITS_A_PHOTO: Final = 4.0
MOST_A_TRAINING_COSTS: Final = 120.0
"""30 photos at 4 credits: what a training of a set that this ledger never saw is counted as."""
FAILED_JUST_NOW_SECONDS: Final = 600.0
SET_LIFETIME_SECONDS: Final = 24 * 3600.0
CLOCK_STEP_SECONDS: Final = 60.0
"""A clock may be set back by so much, as time servers do, and what was reckoned by it still holds."""


def has_expired(row: Submission, now: float, service_now: float | None) -> bool:
    """Whether a set is of no use any more, or a generation is to be made anew.

    A set's end is told by the service, so it is judged by the service's clock where that is known. But an answer's
    Date may be as wrong as the clock here, and calling a set expired costs another upload: it is expired when the
    clock here does not contradict. What the service itself said, `missing_since`, goes before any clock.
    """
    if row.kind is not Kind.UPLOAD:
        return row.expires_at is not None and row.expires_at <= now
    if row.state is State.FINISHED and row.missing_since is not None:
        return True
    if row.expires_at is None or (service_now is not None and service_now < row.expires_at):
        return False
    return _is_over_here(row, row.expires_at, now, unknown=service_now is not None or row.expires_at <= now)


def may_have_expired(row: Submission, now: float, service_now: float | None) -> bool:
    """Whether either clock says that a set is over: then the service is believed when it refuses it."""
    if row.expires_at is None:
        return False
    over_there = service_now is not None and row.expires_at <= service_now
    return over_there or _is_over_here(row, row.expires_at, now, unknown=False)


def _is_over_here(row: Submission, expires_at: float, now: float, *, unknown: bool) -> bool:
    """Whether a set is over by this machine's clock; `unknown` where that says nothing.

    A set that was sent or first seen after its own end shows that the clock here is ahead: then it has the time that
    a set lives, from when it was seen. A clock that was set back meanwhile says nothing.
    """
    begun = row.sent_at or row.accepted_at or row.finished_at
    if begun is None or row.finished_at is None or now < row.finished_at - CLOCK_STEP_SECONDS:
        return unknown
    return begun < expires_at <= now or now - row.finished_at >= SET_LIFETIME_SECONDS


def still_good(new: NewSubmission, now: float, service_now: float | None, row: Submission) -> bool:
    """Whether a settled submission answers this wish as well as a new one would.

    A training does, finished or failed: only a new idempotency key says that it is wanted again. An upload
    or a generation does when it was asked for in the same words and finished and has not expired, or failed
    only just now: a call that its client makes again must not pay again, and a person may try again later.
    """
    if row.kind is Kind.TRAINING:
        return is_settled(row)
    if row.state is State.FAILED:
        fresh = row.finished_at is not None and now - row.finished_at < FAILED_JUST_NOW_SECONDS
    else:
        fresh = row.state is State.FINISHED and not has_expired(row, now, service_now)
    return fresh and row.wording == new.wording


def training_credits(photos: int | None) -> float | None:
    """What a training of so many photos costs, None when their number is not known."""
    return None if photos is None else CREDITS_A_PHOTO * photos


def worst_case(row: Submission | NewSubmission) -> float:
    """Credits that a submission costs at most."""
    if row.credits is not None:
        return row.credits
    return MOST_A_TRAINING_COSTS if row.kind is Kind.TRAINING else 0.0
