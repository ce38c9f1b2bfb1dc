"""The sandbox: builds its state and its app on first use, and moves its clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from .app import Service
    from .state import State
    from .store import Store
    from .v2.behaviour import Behaviour
    from .v2.state import V2State

START_CREDITS = 12_000


@dataclass(kw_only=True, eq=False)
class Sandbox:
    """A simulated service that keeps the contract of v1 or v2.

    `clock` returns seconds since the epoch; `advance` and `POST /sandbox/clock` move the sandbox ahead of it.
    `api` is the generation that it plays. `behaviour` has the odd cases of v2 to begin with.
    A generation of 0 seconds returns its image URLs, a longer one a task_id to poll: the service may do either.
    `store_path` is a file that keeps tasks across restarts and may be open in several processes; None keeps them
    in memory. Nothing is opened or imported before first use.
    """

    clock: Callable[[], float] = time.time
    training_seconds: float = 20.0
    upload_seconds: float = 2.0
    generation_seconds: float = 0.0
    store_path: Path | None = None
    start_credits: int = START_CREDITS
    api: Literal["v1", "v2"] = "v1"
    behaviour: Behaviour | None = None

    @cached_property
    def app(self) -> ASGIApp:
        """The ASGI app, for `httpx.ASGITransport` or a port."""
        from .app import build_app

        return build_app(self._service)

    @cached_property
    def _service(self) -> Service:
        from .app import build_v1, build_v2

        return build_v1(self.state) if self.api == "v1" else build_v2(self.v2_state)

    @cached_property
    def state(self) -> State:
        """The clock, the store and how long tasks take."""
        from .state import State
        from .store import Store

        seconds = self.upload_seconds, self.training_seconds, self.generation_seconds
        return State(self.clock, Store(self.store_path, self.start_credits), *seconds)

    @cached_property
    def v2_state(self) -> V2State:
        """The state with the records of v2."""
        from .v2.behaviour import Behaviour
        from .v2.state import V2State
        from .v2.store import RecordStore

        records = RecordStore(self.store.database, self.start_credits)
        return V2State(self.state, records, self.behaviour or Behaviour())

    @property
    def store(self) -> Store:
        """The tasks, credits and logged requests."""
        return self.state.store

    def now(self) -> float:
        """Return the sandbox's time in seconds since the epoch."""
        return self.state.now()

    async def advance(self, seconds: float) -> None:
        """Move the clock by `seconds` and post the webhooks that become due."""
        self.store.move_clock(seconds)
        await self._service.deliver_webhooks()

    def forget(self, task_ids: Sequence[str]) -> None:
        """Delete tasks together with the prompts and trigger words in them."""
        self._service.forget(task_ids)

    def close(self) -> None:
        """Close the store. It is also closed when the sandbox is garbage-collected."""
        self.store.close()
