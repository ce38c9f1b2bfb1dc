"""The progress callback of a long call."""

from __future__ import annotations


async def ignore(*_: object) -> None:
    """Takes any progress and does nothing."""
