"""get_account: credits and plan."""

from __future__ import annotations

from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results.account import AccountStatus


async def get_account(*, studio: RequestStudio) -> AccountStatus:
    """Get remaining credits and plan.

    Free. Use before start_training to check that the user can afford a training ({prices.training_range} credits).
    """
    return AccountStatus.of(await studio.account(), studio.terms, sandbox=studio.is_sandbox)
