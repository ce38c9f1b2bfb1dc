"""When a settled submission answers a new wish, and what one may have cost at worst. Pure."""

from __future__ import annotations

from typing import Final

from apiframe_studio.intent import is_settled
from apiframe_studio.ledger.rows import Kind, NewSubmission, Submission
from apiframe_studio.submission import State

MOST_A_TRAINING_COSTS: Final = 120.0
"""30 photos at 4 credits: what a training of a set that this ledger never saw is counted as."""
FAILED_JUST_NOW_SECONDS: Final = 600.0


def still_good(new: NewSubmission, now: float, row: Submission) -> bool:
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
        fresh = row.state is State.FINISHED and (row.expires_at is None or row.expires_at > now)
    return fresh and row.wording == new.wording


def worst_case(row: Submission) -> float:
    """Credits that a submission costs at most."""
    if row.credits is not None:
        return row.credits
    return MOST_A_TRAINING_COSTS if row.kind is Kind.TRAINING else 0.0
