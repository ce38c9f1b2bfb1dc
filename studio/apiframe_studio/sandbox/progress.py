"""The progress of a sandbox task: a pure function of its submission time and the current time.

Nothing runs in the background, so a restart, a second process or a moved clock changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

STEP = 5
"""Percentages move in steps of five, so that a webhook is posted about twenty times and not a hundred."""


class Status(StrEnum):
    """The documented statuses that a sandbox task passes through, in order."""

    PENDING = "pending"
    STAGED = "staged"
    STARTING = "starting"
    PROCESSING = "processing"
    FINISHED = "finished"
    FAILED = "failed"


FINAL = frozenset({Status.FINISHED, Status.FAILED})

_BEFORE_PROCESSING = ((0.02, Status.PENDING), (0.035, Status.STAGED), (0.05, Status.STARTING))


@dataclass(frozen=True, slots=True)
class Progress:
    """A status and a whole percentage from 0 to 100."""

    status: Status
    percentage: int


def compute_fraction(submitted_at: float, now: float, seconds: float) -> float:
    """Return the elapsed fraction of a task's time, from 0; above 1 when it is over."""
    # Epoch seconds as floats are precise to a quarter of a microsecond: without rounding, a task of 0.3 seconds
    # would not be finished after 0.3 seconds.
    return 1.0 if seconds <= 0 else max(0.0, round((now - submitted_at) / seconds, 4))


def compute_progress(
    submitted_at: float, now: float, seconds: float, fails_after: float | None = None
) -> Progress:
    """Return the progress at `now`. Times are seconds since the epoch; the task takes `seconds`.

    `fails_after` is the fraction (0 to 1) after which the task fails, or None for a task that succeeds.
    """
    fraction = compute_fraction(submitted_at, now, seconds)
    if fails_after is not None and fraction >= fails_after:
        return Progress(Status.FAILED, _percentage(fails_after))
    if fraction >= 1:
        return Progress(Status.FINISHED, 100)
    before = (status for limit, status in _BEFORE_PROCESSING if fraction < limit)
    return Progress(next(before, Status.PROCESSING), _percentage(fraction))


def _percentage(fraction: float) -> int:
    return round(fraction * 10_000) // (100 * STEP) * STEP
