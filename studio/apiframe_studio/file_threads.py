"""Threads for file work, apart from those that carry standard input and output.

The SDK reads and writes its pipes on anyio's default threads. A disk that hangs may hold every thread that
works on files; it must not make the server deaf to its client, nor to the end of its input.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, ParamSpec, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

MAX_AT_ONCE: Final = 8

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_limiter: RunVar[anyio.CapacityLimiter] = RunVar("file_threads")


async def in_file_thread(
    work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Result:
    """Run `work` on one of eight threads of this event loop that are for files; others wait for their turn."""
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(MAX_AT_ONCE)
        _limiter.set(limiter)
    return await anyio.to_thread.run_sync(partial(work, *arguments, **named), limiter=limiter)
