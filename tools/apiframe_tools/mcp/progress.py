"""Progress of a call that takes several steps, told so that it only grows, as the protocol asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mcp.server.mcpserver import Context


def steps_of(ctx: Context[Any, Any], steps: Sequence[str]) -> Callable[[float, float, str], Awaitable[None]]:
    """Something to tell how far a step is (done, of, which one); each is an equal part of the whole."""
    farthest = 0.0

    async def tell(done: float, of: float, step: str) -> None:
        nonlocal farthest
        reached = steps.index(step) + min(done / of, 1.0)
        if reached > farthest:
            farthest = reached
            await ctx.report_progress(reached, len(steps), step)

    return tell
