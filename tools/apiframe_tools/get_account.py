"""The tool that looks at the money."""

from __future__ import annotations

from apiframe_studio.studio import Studio
from apiframe_tools.mcp.annotations import LOOKS
from apiframe_tools.mcp.tool import StudioTool
from apiframe_tools.results import reporting
from apiframe_tools.results.trainings import AccountStatus


def make(studio: Studio) -> StudioTool:
    """The tool on this studio."""

    async def get_account() -> AccountStatus:
        """Look at the Apiframe account: credits left and plan.

        Free. For telling the user before start_training whether a training (40 to 120 credits) can be paid.
        """
        return reporting.account(await studio.account(), sandbox=studio.is_sandbox)

    return StudioTool.of(get_account, title="Look at the account", annotations=LOOKS)
