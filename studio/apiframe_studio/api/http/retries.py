"""Retries: for reads only, which cost nothing and change nothing. No paid request comes here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio
import stamina

from apiframe_studio.api.errors import NotSent, OutcomeUnknown, OutcomeUnknownReason, RateLimited

R = TypeVar("R")
T = TypeVar("T")

MAX_ATTEMPTS: Final = 3
_RETRYABLE: Final = frozenset(
    {OutcomeUnknownReason.TIMEOUT, OutcomeUnknownReason.CUT_OFF, OutcomeUnknownReason.SERVER_ERROR}
)
_MIN_SECONDS_LEFT: Final = 1.0

# A connection that went silent must not use up the time in which a new one would have answered.
_SHARE_OF_FIRST_ATTEMPT: Final = 2 / 3


async def with_retries(send: Callable[[float], Awaitable[R]], read: Callable[[R], T], seconds: float) -> T:
    """Call `send` with the seconds it has, and `read` with its response: up to three times, all within `seconds`.

    Raises:
        ApiframeError: the last one of either, when a retry would not help or the time is over.
    """
    until = anyio.current_time() + seconds

    def again(error: Exception) -> bool | float:
        return decide_retry(error, until - anyio.current_time())

    context = stamina.retry_context(
        on=again, attempts=MAX_ATTEMPTS, timeout=seconds, wait_initial=0.2, wait_max=2.0, wait_jitter=0.2
    )
    async for one in context:
        with one:
            left = max(until - anyio.current_time(), 0.0)
            return read(await send(left * _SHARE_OF_FIRST_ATTEMPT if one.num == 1 else left))
    raise AssertionError("stamina returns or raises")


def decide_retry(error: Exception, seconds_left: float) -> bool | float:
    """Return whether to retry: no, after that many seconds, or (True) after the ordinary backoff. Pure."""
    match error:
        case RateLimited(retry_after=float() as wait):
            return wait if wait + _MIN_SECONDS_LEFT < seconds_left else False
        case NotSent() | RateLimited():
            return seconds_left > _MIN_SECONDS_LEFT
        case OutcomeUnknown(reason=reason) if reason in _RETRYABLE:
            return seconds_left > _MIN_SECONDS_LEFT
        case _:
            return False
