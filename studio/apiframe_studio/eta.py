"""Estimate how long a training will still take, from the ledger's observations. Pure.

Without observations, and where the service names no usual duration, there is no estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from apiframe_studio.ledger.records import Observation

MAX_ESTIMATE_SECONDS: Final = 24 * 3600.0


@dataclass(frozen=True)
class ProgressHistory:
    """The observations of one training, and how long earlier ones took, in seconds."""

    accepted_at: float | None = None
    observations: Sequence[Observation] = field(default_factory=tuple[Observation, ...])
    earlier_durations: Sequence[float] = field(default_factory=tuple[float, ...])
    usual_seconds: float | None = None
    """What the service names as usual; None where it names nothing."""


def estimate_seconds_left(history: ProgressHistory, now: float) -> float | None:
    """Estimate the seconds until the training is finished; None if the observations do not suffice.

    From this training's own percentages when there are two that differ (or one and the time of
    acceptance), else from the median duration of earlier trainings, else from what the service names as usual.
    """
    estimate = _from_percentages(history, now)
    if estimate is None:
        estimate = _from_earlier(history, now)
    return None if estimate is None or estimate > MAX_ESTIMATE_SECONDS else round(max(estimate, 0.0), 1)


def _from_percentages(history: ProgressHistory, now: float) -> float | None:
    begun = [] if history.accepted_at is None else [(history.accepted_at, 0.0)]
    seen = [(one.at, one.percentage) for one in history.observations if one.percentage is not None]
    points = begun + seen
    if len(points) < 2:
        return None
    (first_at, first), (last_at, last) = points[0], points[-1]
    if last <= first or last_at <= first_at:
        return None
    seconds_a_percent = (last_at - first_at) / (last - first)
    return seconds_a_percent * (100.0 - last) - (now - last_at)


def _from_earlier(history: ProgressHistory, now: float) -> float | None:
    if history.accepted_at is None:
        return None
    usual = median(history.earlier_durations) if history.earlier_durations else history.usual_seconds
    if usual is None:
        return None
    left = usual - (now - history.accepted_at)
    return left if left > 0 else None
