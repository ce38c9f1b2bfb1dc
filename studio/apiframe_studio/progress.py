"""What a long call tells its caller on the way; a caller that does not want to hear of it passes nothing."""

from __future__ import annotations


async def ignore(*_: object) -> None:
    """Takes any progress and does nothing."""
