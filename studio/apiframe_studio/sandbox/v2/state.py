"""What every v2 call works on: the clock of the sandbox, how long tasks take, its records, and how it is to behave."""

from __future__ import annotations

from dataclasses import dataclass

from ..state import State
from .behaviour import Behaviour
from .store import RecordStore


@dataclass(frozen=True, slots=True)
class V2State:
    shared: State
    records: RecordStore
    initial_behaviour: Behaviour

    def now(self) -> float:
        return self.shared.now()

    def behaviour(self) -> Behaviour:
        """Return the behaviour that was asked for last."""
        return self.records.read_behaviour() or self.initial_behaviour
