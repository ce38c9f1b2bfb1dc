"""Asking again: for reads only, which cost nothing and change nothing. No paid request comes here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import stamina

from apiframe_studio.api.errors import NotSent, Throttled, Unclear, UnclearBecause

T = TypeVar("T")

ATTEMPTS = 3
_WORTH_REPEATING = frozenset({UnclearBecause.TIMEOUT, UnclearBecause.CUT_OFF, UnclearBecause.SERVER_ERROR})
_NO_TIME_LEFT_SECONDS = 1.0

# A connection that went silent must not eat the time in which a new one would have answered.
_FIRST_SHARE = 2 / 3


async def patiently(ask: Callable[[float], Awaitable[T]], seconds: float) -> T:
    """Call `ask` with the seconds it has, up to three times, all within `seconds`.

    Raises:
        ApiframeError: the last one, when repeating is of no use or the time is over.
    """
    until = anyio.current_time() + seconds

    def again(error: Exception) -> bool | float:
        return wait_before_retry(error, until - anyio.current_time())

    context = stamina.retry_context(
        on=again, attempts=ATTEMPTS, timeout=seconds, wait_initial=0.2, wait_max=2.0, wait_jitter=0.2
    )
    async for attempt in context:
        with attempt:
            left = max(until - anyio.current_time(), 0.0)
            return await ask(left * _FIRST_SHARE if attempt.num == 1 else left)
    raise AssertionError("stamina returns or raises")


def wait_before_retry(error: Exception, seconds_left: float) -> bool | float:
    """Return whether to ask again: no, after that many seconds, or (True) after an ordinary wait. Pure."""
    match error:
        case Throttled(retry_after=float() as wait):
            return wait if wait + _NO_TIME_LEFT_SECONDS < seconds_left else False
        case NotSent() | Throttled():
            return seconds_left > _NO_TIME_LEFT_SECONDS
        case Unclear(why=why) if why in _WORTH_REPEATING:
            return seconds_left > _NO_TIME_LEFT_SECONDS
        case _:
            return False
