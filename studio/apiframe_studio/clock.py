"""The clock that is passed to the studio, so that tests can control time."""

from __future__ import annotations

import time
from typing import Protocol

import anyio


class Clock(Protocol):
    """The interface of a clock."""

    def now(self) -> float:
        """Return the wall clock in seconds since 1970, UTC, which other processes and users share. It may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never jump, for durations within this process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)
