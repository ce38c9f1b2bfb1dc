"""The tool that looks at the money."""

from __future__ import annotations

from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results.account import AccountStatus


async def get_account(*, studio: RequestStudio) -> AccountStatus:
    """Look at the Apiframe account: credits left and plan.

    Free. For telling the user before start_training whether a training (40 to 120 credits) can be paid.
    """
    return AccountStatus.of(await studio.account(), sandbox=studio.is_sandbox)
