"""The service's clock, as its answers tell it: what a set's expiry is judged by, whatever this machine's clock says."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from apiframe_studio.clock import Clock

WRONG_CLOCK_SECONDS: Final = 300.0
"""Beyond this a user is told that the clock is wrong: an answer's Date has whole seconds and may be a minute old."""


class ServiceTime:
    """The time at the service. It goes on by this machine's monotonic clock between two answers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: tuple[float, float] | None = None

    def hear(self, date: datetime) -> None:
        """Take the time that an answer has just told."""
        self._heard = (date.timestamp(), self._clock.monotonic())

    def now(self) -> float | None:
        """Seconds since 1970 at the service, or None while no answer has told."""
        if self._heard is None:
            return None
        told, at = self._heard
        return told + self._clock.monotonic() - at

    def clock_ahead(self) -> float | None:
        """Seconds that this machine's clock is ahead (below 0: behind), or None where it is about right or unknown."""
        now = self.now()
        ahead = 0.0 if now is None else self._clock.now() - now
        return ahead if abs(ahead) > WRONG_CLOCK_SECONDS else None
