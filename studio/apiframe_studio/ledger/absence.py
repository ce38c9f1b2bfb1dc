"""What it proves that listings of the service do not show a training with an unknown outcome. Pure.

A listing counts only if it was complete. Absence never proves by itself that a complete request was not accepted: a
proxy may still hand it over. It does prove it where no complete request had left this machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from apiframe_studio.ledger.records import Submission
from apiframe_studio.ledger.states import State

LOOK_SECONDS: Final = 10.0
"""How long to wait between two listings for the same submission."""
MAX_TIMES_KEPT: Final = 12
_INCOMPLETE_LISTINGS: Final = 2
_INCOMPLETE_APART_SECONDS: Final = 30.0
_INCOMPLETE_AFTER_SECONDS: Final = 60.0
_ABSENT_LISTINGS: Final = 3
_ABSENT_APART_SECONDS: Final = 60.0
_ABSENT_AFTER_SECONDS: Final = 600.0
_ABSENT_AFTER_DEADLINES: Final = 2.0


def may_look(row: Submission, now: float) -> bool:
    """Whether it is time for another listing."""
    times = row.provider_facts.absent_at
    return not times or abs(now - times[-1]) >= LOOK_SECONDS


def was_given_up_unclear(row: Submission) -> bool:
    """Whether it was given up before it was known whether the service had accepted it."""
    facts = row.provider_facts
    was_sent = facts.body_sent_at is not None or facts.unclear_since is not None
    return row.state is State.ABANDONED and row.task_id is None and was_sent


def is_deleted_if_found(row: Submission) -> bool:
    """Whether it was given up like that and its subject was forgotten, so that it must not stay at the service."""
    return was_given_up_unclear(row) and row.delete_since is not None


def with_absence(times: Sequence[float], now: float) -> tuple[float, ...]:
    """Return the times of listings with another one: the first ones, which count for how long, and the latest."""
    kept = (*times, now)
    return kept if len(kept) <= MAX_TIMES_KEPT else (*kept[: MAX_TIMES_KEPT - 1], now)


def was_never_complete(row: Submission) -> bool:
    """Whether no complete request can have been accepted: its last part never left, and it is in no listing."""
    facts = row.provider_facts
    if facts.body_sent_at is not None or facts.unclear_since is None or not facts.absent_at:
        return False
    listings = _count_apart(facts.absent_at, _INCOMPLETE_APART_SECONDS)
    after = facts.absent_at[-1] - facts.unclear_since
    return listings >= _INCOMPLETE_LISTINGS and after >= _INCOMPLETE_AFTER_SECONDS


def is_absent(row: Submission) -> bool:
    """Whether a complete request was most likely not accepted: only the user can decide to send it again."""
    facts = row.provider_facts
    if facts.body_sent_at is None or not facts.absent_at:
        return False
    listings = _count_apart(facts.absent_at, _ABSENT_APART_SECONDS)
    wait = max(_ABSENT_AFTER_SECONDS, _ABSENT_AFTER_DEADLINES * (facts.deadline_seconds or 0.0))
    return listings >= _ABSENT_LISTINGS and facts.absent_at[-1] - facts.body_sent_at >= wait


def _count_apart(times: Sequence[float], seconds: float) -> int:
    """How many of these times are at least so many seconds after the one counted before."""
    counted: list[float] = []
    for at in times:
        if not counted or at - counted[-1] >= seconds:
            counted.append(at)
    return len(counted)
