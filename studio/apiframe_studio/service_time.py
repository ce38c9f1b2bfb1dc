"""The time of the service, taken from its responses. The expiry of a set is compared with it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from apiframe_studio.clock import Clock

WRONG_CLOCK_SECONDS: Final = 300.0
"""The difference from which on a clock counts as wrong. A Date header has whole seconds and may be a minute old."""


class ServiceTime:
    """The time at the service. Between two responses it advances with this machine's monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest: tuple[float, float] | None = None

    def record(self, date: datetime) -> None:
        """Record the time in a response that has just arrived."""
        self._latest = (date.timestamp(), self._clock.monotonic())

    def now(self) -> float | None:
        """Return the time at the service in seconds since 1970, or None before the first response."""
        if self._latest is None:
            return None
        date, at = self._latest
        return date + self._clock.monotonic() - at

    def clock_ahead(self) -> float | None:
        """Return the seconds that the local clock is ahead (below 0: behind), or None if about right or unknown."""
        now = self.now()
        ahead = 0.0 if now is None else self._clock.now() - now
        return ahead if abs(ahead) > WRONG_CLOCK_SECONDS else None
