"""Which submission is returned for a new request, so that it is paid for once, and what one costs at most. Pure.

The same request is the same photos and word at the same service for the same owner: not the subject's name, the webhook
or the key. MCP clients re-issue calls (the 2026-07-28 revision requires it after a broken stream), so a repeated call
has to return the row of the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from apiframe_studio.api.provider import Terms
from apiframe_studio.ledger.errors import KeyReused
from apiframe_studio.ledger.records import Kind, NewSubmission, NewUpload, Submission
from apiframe_studio.ledger.states import OPEN, State

FAILED_JUST_NOW_SECONDS: Final = 600.0
CLOCK_STEP_SECONDS: Final = 60.0
"""How far a clock may be set back, as time servers do, without making recorded times unusable."""


@dataclass(frozen=True)
class Keyed:
    """What an idempotency key returned before, and whether for the same photos and trigger word."""

    row: Submission
    same_request: bool


def is_settled(row: Submission) -> bool:
    """Whether the service has finished it or failed."""
    return row.state in (State.FINISHED, State.FAILED)


def pick_duplicate(
    earlier: Sequence[Submission],
    keyed: Keyed | None = None,
    is_reusable: Callable[[Submission], bool] = is_settled,
    *,
    has_key: bool = False,
) -> Submission | None:
    """Return the earlier submission that is returned for a request, or None if it is a new one.

    `earlier` holds every submission of the same kind, service and owner that shares the photos, newest first; `keyed`
    what the request's idempotency key returned last, if it has one. `is_reusable` says whether a settled one is as good
    as a new one. A sent one precedes one that waits to be sent.

    Raises:
        KeyReused: the key was used before with other photos or another word.
    """
    if keyed is not None and not keyed.same_request:
        raise KeyReused(keyed.row)
    answered: tuple[Submission, ...] = () if keyed is None else (keyed.row,)
    known = (*answered, *earlier)
    was_sent = [row for row in known if row.state in OPEN and row.state is not State.INTENT]
    settled: Sequence[Submission] = answered if has_key else earlier
    good = [row for row in settled if is_reusable(row)]
    waiting = [row for row in known if row.state is State.INTENT]
    return next(iter((*was_sent, *good, *waiting)), None)


def has_expired(row: Submission, now: float, service_now: float | None, terms: Terms) -> bool:
    """Whether a set can no longer be used, or a generation has to be repeated.

    The service sets the expiry of a set, so it is compared with the service's clock if that is known. But a Date header
    may be as wrong as the local clock, and treating a set as expired costs another upload, so the local clock must not
    contradict. What the service itself reported, `missing_since`, counts more than any clock.
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
    """Whether a set has expired by either clock: then a refusal by the service is attributed to that."""
    if row.expires_at is None:
        return False
    over_there = service_now is not None and row.expires_at <= service_now
    return over_there or _is_over_here(row, row.expires_at, now, terms, unknown=False)


def _is_over_here(row: Submission, expires_at: float, now: float, terms: Terms, *, unknown: bool) -> bool:
    """Whether a set has expired by the local clock; `unknown` if that clock cannot tell.

    A set that was sent or first checked after its expiry shows that the local clock is ahead. It then expires one
    lifetime after it was first checked. A clock that was set back meanwhile cannot tell.
    """
    begun = row.sent_at or row.accepted_at or row.finished_at
    if begun is None or row.finished_at is None or now < row.finished_at - CLOCK_STEP_SECONDS:
        return unknown
    return begun < expires_at <= now or now - row.finished_at >= terms.set_lifetime_seconds


def is_reusable(
    new: NewSubmission, now: float, service_now: float | None, row: Submission, terms: Terms
) -> bool:
    """Whether a settled submission is as good as a new one for this request.

    A training is, finished or failed: only a new idempotency key asks for another. An upload (of the same attributes)
    or a generation is if it finished and has not expired, or failed just now: a repeated call must not pay again, but
    the user may try again later.
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
    """Return the most credits that a submission can cost: those of the largest training if they are unknown."""
    if row.estimated_credits is not None:
        return row.estimated_credits
    return terms.max_training_credits() if row.kind is Kind.TRAINING else 0.0
