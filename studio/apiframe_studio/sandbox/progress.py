"""How far a sandbox task has come: a pure function of when it was submitted and what time it is.

Nothing runs in the background, so a restart, a second process or a clock that jumps changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

STEP = 5
"""Percentages move in steps of five, so that a webhook hears of about twenty changes, not of a hundred."""


class Status(StrEnum):
    """The statuses that the sandbox goes through, out of those that the service documents."""

    PENDING = "pending"
    STAGED = "staged"
    STARTING = "starting"
    PROCESSING = "processing"
    FINISHED = "finished"
    FAILED = "failed"


FINAL = frozenset({Status.FINISHED, Status.FAILED})

_OPENING = ((0.02, Status.PENDING), (0.035, Status.STAGED), (0.05, Status.STARTING))


@dataclass(frozen=True, slots=True)
class Progress:
    """A status and a whole percentage from 0 to 100."""

    status: Status
    percentage: int


def progress(submitted_at: float, now: float, seconds: float, fails_after: float | None = None) -> Progress:
    """Where a task stands at `now`. Times are seconds since the epoch, `seconds` is how long the task takes.

    `fails_after` is the share of the way (0 to 1) after which the task fails; None for one that succeeds.
    """
    share = _share(now - submitted_at, seconds)
    if fails_after is not None and share >= fails_after:
        return Progress(Status.FAILED, _percentage(fails_after))
    if share >= 1:
        return Progress(Status.FINISHED, 100)
    return Progress(_running(share), _percentage(share))


def _share(elapsed: float, seconds: float) -> float:
    # Times since the epoch are good to a quarter of a microsecond: without rounding, a task of 0.3 seconds
    # would not be finished 0.3 seconds later.
    return 1.0 if seconds <= 0 else max(0.0, round(elapsed / seconds, 4))


def _running(share: float) -> Status:
    return next((status for limit, status in _OPENING if share < limit), Status.PROCESSING)


def _percentage(share: float) -> int:
    return round(share * 10_000) // (100 * STEP) * STEP
