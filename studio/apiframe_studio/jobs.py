"""Work that outlives the call that started it: uploads of tens of megabytes, generations that take a minute.

Clients give up on a call after about 60 seconds. Jobs run in the program's task group, and repeating the call joins
the job with its key. Without an open group the work runs within the call.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Job:
    done: anyio.Event = field(default_factory=anyio.Event)
    error: Exception | None = None
    waited_for: int = 0


class Jobs:
    """One program's jobs, each at most once at a time."""

    def __init__(self) -> None:
        self._groups: list[TaskGroup] = []
        self._jobs: dict[str, _Job] = {}

    async def __aenter__(self) -> Self:
        group = anyio.create_task_group()
        await group.__aenter__()
        self._groups.append(group)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        group = self._groups.pop()
        group.cancel_scope.cancel()
        return await group.__aexit__(kind, error, trace)

    async def run(self, key: str, work: Callable[[], Awaitable[Any]], seconds: float) -> bool:
        """Do `work`, or join it if it is running; return whether it ended within `seconds`.

        Raises:
            Whatever `work` raised.
        """
        if not self._groups:
            await work()
            return True
        job = self._jobs.get(key) or self._start(key, work)
        job.waited_for += 1
        try:
            with anyio.move_on_after(seconds):
                await job.done.wait()
        finally:
            job.waited_for -= 1
        if job.error is not None:
            raise job.error
        return job.done.is_set()

    def begin(self, key: str, work: Callable[[], Awaitable[Any]]) -> None:
        """Do `work` in the background, unless it is running. Without an open group nothing is done."""
        if self._groups and key not in self._jobs:
            self._start(key, work)

    def is_running(self, key: str) -> bool:
        return key in self._jobs

    def _start(self, key: str, work: Callable[[], Awaitable[Any]]) -> _Job:
        job = self._jobs[key] = _Job()
        self._groups[-1].start_soon(self._do, key, job, work)
        return job

    async def _do(self, key: str, job: _Job, work: Callable[[], Awaitable[Any]]) -> None:
        try:
            await work()
        except Exception as error:
            job.error = error
            if not job.waited_for:
                log.warning("The job %s failed after its calls had returned: %r", key, error)
        finally:
            self._jobs.pop(key, None)
            job.done.set()
