"""Clocks that tests control."""

from __future__ import annotations

import anyio
from anyio.lowlevel import checkpoint

EPOCH = 1_800_000_000.0


class SteppedClock:
    """A clock that moves only when a task sleeps, which takes no real time.

    `jump` moves the wall clock alone, as a user or a time server does.
    """

    def __init__(self, now: float = EPOCH) -> None:
        self._now = now
        self._monotonic = 1_000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.step(seconds)
        await checkpoint()

    def step(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._now += seconds
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back."""
        self._now += seconds


class HeldClock(SteppedClock):
    """A clock on which tasks sleep until the test moves it."""

    def __init__(self, now: float = EPOCH) -> None:
        super().__init__(now)
        self._moved = anyio.Event()
        self.sleepers = 0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        until = self.monotonic() + seconds
        self.sleepers += 1
        try:
            # Half a microsecond of tolerance: a sum of floats could stay just below the limit.
            while self.monotonic() < until - 5e-7:
                await self._moved.wait()
        finally:
            self.sleepers -= 1

    def step(self, seconds: float) -> None:
        super().step(seconds)
        self._moved.set()
        self._moved = anyio.Event()
