"""When a settled submission answers a new request, and what one may have cost at worst. Pure."""

from __future__ import annotations

from typing import Final

from apiframe_studio.api.provider import Terms
from apiframe_studio.ledger.intent import is_settled
from apiframe_studio.ledger.records import Kind, NewSubmission, NewUpload, Submission
from apiframe_studio.ledger.states import State

FAILED_JUST_NOW_SECONDS: Final = 600.0
CLOCK_STEP_SECONDS: Final = 60.0
"""A clock may be set back by so much, as time servers do, and what was reckoned by it still holds."""


def has_expired(row: Submission, now: float, service_now: float | None, terms: Terms) -> bool:
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
    unknown = service_now is not None or row.expires_at <= now
    return _is_over_here(row, row.expires_at, now, terms, unknown=unknown)


def may_have_expired(row: Submission, now: float, service_now: float | None, terms: Terms) -> bool:
    """Whether either clock says that a set is over: then the service is believed when it refuses it."""
    if row.expires_at is None:
        return False
    over_there = service_now is not None and row.expires_at <= service_now
    return over_there or _is_over_here(row, row.expires_at, now, terms, unknown=False)


def _is_over_here(row: Submission, expires_at: float, now: float, terms: Terms, *, unknown: bool) -> bool:
    """Whether a set is over by this machine's clock; `unknown` where that says nothing.

    A set that was sent or first seen after its own end shows that the clock here is ahead: then it has the time that
    a set lives, from when it was seen. A clock that was set back meanwhile says nothing.
    """
    begun = row.sent_at or row.accepted_at or row.finished_at
    if begun is None or row.finished_at is None or now < row.finished_at - CLOCK_STEP_SECONDS:
        return unknown
    return begun < expires_at <= now or now - row.finished_at >= terms.set_lifetime_seconds


def is_reusable(
    new: NewSubmission,
    now: float,
    service_now: float | None,
    row: Submission,
    terms: Terms,
) -> bool:
    """Whether a settled submission answers this request as well as a new one would.

    A training does, finished or failed: only a new idempotency key says that it is wanted again. An upload
    or a generation does when it was asked for in the same words and finished and has not expired, or failed
    only just now: a call that its client makes again must not pay again, and a person may try again later.
    """
    if row.kind is Kind.TRAINING:
        return is_settled(row)
    if row.state is State.FAILED:
        fresh = row.finished_at is not None and now - row.finished_at < FAILED_JUST_NOW_SECONDS
    else:
        fresh = row.state is State.FINISHED and not has_expired(row, now, service_now, terms)
    return fresh and has_same_attributes(row, new)


def has_same_attributes(row: Submission, new: NewSubmission) -> bool:
    """Whether an upload says the same about its subject as a new one; always true of the other kinds."""
    return not isinstance(new, NewUpload) or row.attributes_digest == new.attributes_digest


def max_cost(row: Submission | NewSubmission, terms: Terms) -> float:
    """Credits that a submission costs at most: the largest training, where the number of photos is not known."""
    if row.estimated_credits is not None:
        return row.estimated_credits
    return terms.max_training_credits() if row.kind is Kind.TRAINING else 0.0
