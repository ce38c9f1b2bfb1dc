"""The tool that looks at photos before money is spent."""

from __future__ import annotations

from typing import Any, Final

from mcp.server.mcpserver import Context

from apiframe_studio.studio import Studio
from apiframe_tools.mcp.annotations import READS
from apiframe_tools.mcp.photo_parameters import Paths
from apiframe_tools.mcp.tool import StudioTool
from apiframe_tools.results import photo_reporting
from apiframe_tools.results.photos import PhotosChecked

LONGEST_SECONDS: Final = 40.0


def make(studio: Studio) -> StudioTool:
    """The tool on this studio."""

    async def check_photos(paths: Paths, ctx: Context[Any, Any]) -> PhotosChecked:
        """Judge photos of a person for a training, on this machine: good, doubtful or rejected, and why.

        Free; sends nothing. Returns the price of going on, what to photograph next, and a contact sheet.
        prepare_photos checks again by itself.
        """

        async def tell(done: float, of: float, what: str) -> None:
            await ctx.report_progress(done, of, what)

        return photo_reporting.checked(await studio.photo_sets.check(paths, tell, LONGEST_SECONDS))

    return StudioTool.of(check_photos, title="Check photos", annotations=READS)
