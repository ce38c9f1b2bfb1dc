"""Time, handed in, so that tests never wait and the studio never reads the wall clock by itself."""

from __future__ import annotations

import time
from typing import Protocol

import anyio


class Clock(Protocol):
    """What the studio asks of time."""

    def now(self) -> float:
        """Seconds since 1970, UTC: what other processes and people compare with. May jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump, for limits within this process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)
