"""What every call of the sandbox works on: its clock, its store and its speeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .store import Store


@dataclass(frozen=True, slots=True)
class Speeds:
    """Seconds that a task of each kind takes."""

    upload: float
    training: float
    generation: float


@dataclass(frozen=True, slots=True)
class State:
    """The state of one sandbox. `clock` returns seconds since the epoch."""

    clock: Callable[[], float]
    store: Store
    speeds: Speeds

    def now(self) -> float:
        """Return the sandbox's time in seconds since the epoch: the clock plus the store's offset."""
        return self.clock() + self.store.read_clock_offset()
