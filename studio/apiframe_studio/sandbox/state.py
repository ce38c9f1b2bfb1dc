"""What every call of the sandbox works on: its clock, its store and how long tasks take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .store import Store


@dataclass(frozen=True, slots=True)
class State:
    """The state of one sandbox. `clock` returns seconds since the epoch; a task of each kind takes so many seconds."""

    clock: Callable[[], float]
    store: Store
    upload_seconds: float
    training_seconds: float
    generation_seconds: float

    def now(self) -> float:
        """Return the sandbox's time in seconds since the epoch: the clock plus the store's offset."""
        return self.clock() + self.store.read_clock_offset()
