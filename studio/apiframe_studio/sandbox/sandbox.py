"""The sandbox itself: a clock, a store and speeds, with the ASGI app that serves them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from .store import Store

START_CREDITS = 12_000


class Sandbox:
    """A stand-in for the service that keeps its v1 contract.

    `clock` gives seconds since the epoch; `advance` and `POST /sandbox/clock` move the sandbox ahead of it.
    The speeds are the seconds a task takes. A generation of 0 seconds is answered with its pictures, a longer
    one with a task_id to be fetched: the service may do either. `store_path` is a file that keeps tasks over
    a restart and may be open in several processes; None keeps them in memory. Nothing is opened or imported
    before its first use.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        training_seconds: float = 20.0,
        upload_seconds: float = 2.0,
        generation_seconds: float = 0.0,
        store_path: Path | None = None,
        start_credits: int = START_CREDITS,
    ) -> None:
        self.training_seconds = training_seconds
        self.upload_seconds = upload_seconds
        self.generation_seconds = generation_seconds
        self._clock = clock
        self._store_path = store_path
        self._start_credits = start_credits

    @cached_property
    def app(self) -> ASGIApp:
        """The ASGI app, for `httpx.ASGITransport` or a port."""
        from .app import build_app

        return build_app(self)

    @cached_property
    def store(self) -> Store:
        """What the sandbox remembers."""
        from .store import Store

        return Store(self._store_path, self._start_credits)

    def now(self) -> float:
        """The sandbox's time in seconds since the epoch."""
        return self._clock() + self.store.offset()

    async def advance(self, seconds: float) -> None:
        """Move the clock and post the webhooks that this makes due."""
        from .webhook_delivery import announce

        self.store.move_clock(seconds)
        await announce(self)

    def forget(self, task_ids: Sequence[str]) -> None:
        """Remove tasks and everything that was said in them."""
        self.store.forget(task_ids)

    def close(self) -> None:
        """Close the store; it is also closed when the sandbox is forgotten."""
        self.store.close()
