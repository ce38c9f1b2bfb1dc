"""What is left on the account after a payment: told in a result, never in a question (see `confirming.question`)."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import anyio

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.studio import Studio

LONGEST_SECONDS: Final = 2.0


async def credits_left(studio: Studio) -> float | None:
    """Credits on the account now, or None when the service does not say within a moment. Free."""
    with anyio.move_on_after(LONGEST_SECONDS), suppress(ApiframeError):
        return (await studio.account()).credits
    return None
