"""Map a function over many items, a few at a time, for a limited time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import anyio

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], Awaitable[None]]

GRACE_SECONDS = 3.0
MIN_SECONDS = 20.0


async def map_concurrently(
    items: Sequence[Item],
    work: Callable[[Item], Awaitable[Result]],
    width: int,
    progress: Progress | None,
    until: float | None = None,
) -> dict[int, Result]:
    """Return the results by index. `progress` is awaited with (done, total).

    After `until` (by `anyio.current_time`) no further item is started, but each worker does at least one, so that
    repeated calls make progress. Items in progress then have 3 more seconds, or 20 seconds from the call if later.
    Those that are not done in time have no result.

    The first error cancels the other calls and is raised by itself, not in an exception group.
    """
    results: dict[int, Result] = {}
    waiting = iter(enumerate(items))
    failures: list[Exception] = []

    async def take(queue: Iterator[tuple[int, Item]], scope: anyio.CancelScope) -> None:
        for place, item in queue:
            try:
                results[place] = await work(item)
                if progress is not None:
                    await progress(len(results), len(items))
            except Exception as failure:
                failures.append(failure)
                scope.cancel()
                return
            if until is not None and anyio.current_time() >= until:
                return

    async with anyio.create_task_group() as group:
        if until is not None:
            group.cancel_scope.deadline = max(until + GRACE_SECONDS, anyio.current_time() + MIN_SECONDS)
        for _ in range(min(width, len(items))):
            group.start_soon(take, waiting, group.cancel_scope)
    if failures:
        raise failures[0]
    return results
