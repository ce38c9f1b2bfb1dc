"""What a tool gets injected from its request: the studio, and a callback for progress."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeAlias

from mcp.server.mcpserver import Context, Resolve

from apiframe_studio.studio import Studio

OnProgress: TypeAlias = Callable[[float, float, str], Awaitable[None]]
"""Called with the amount done, the total, and a message."""


async def find_studio(ctx: Context[Any, Any]) -> Studio:
    """Return the studio that serves this request: the one place to change once each request has its owner."""
    studio: Studio = ctx.request_context.lifespan_context
    await studio.kept_sets.sweep()
    await studio.deletions.begin()
    studio.follower.begin()
    return studio


async def _progress_of_request(ctx: Context[Any, Any]) -> OnProgress:
    return ctx.report_progress


RequestStudio = Annotated[Studio, Resolve(find_studio)]
Progress = Annotated[OnProgress, Resolve(_progress_of_request)]


def combine_steps(on_progress: OnProgress, steps: Sequence[str]) -> OnProgress:
    """Combine the progress of several steps into one that only grows, as the protocol requires.

    The returned callback takes (done, total, step); each step is an equal part of the whole.
    """
    farthest = 0.0

    async def report(done: float, of: float, step: str) -> None:
        nonlocal farthest
        reached = steps.index(step) + min(done / of, 1.0)
        if reached > farthest:
            farthest = reached
            await on_progress(reached, len(steps), step)

    return report
