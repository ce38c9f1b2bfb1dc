"""Threads for file access, separate from those of standard input and output.

The SDK reads and writes its pipes on anyio's default threads. A disk that hangs may block every file
thread, but must not keep the server from reading messages of its client or noticing the end of its input.
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
    """Run `work` in one of the eight file threads of this event loop, as soon as one is free."""
    limiter = _limiter.get(None) or anyio.CapacityLimiter(MAX_AT_ONCE)
    _limiter.set(limiter)
    return await anyio.to_thread.run_sync(partial(work, *arguments, **named), limiter=limiter)
