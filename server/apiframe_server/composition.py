"""Where everything is put together, and the only place that knows all the parts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from apiframe_server import __version__
from apiframe_server.settings import Settings
from apiframe_studio.plans import plan_of, sandbox_plan_of
from apiframe_studio.plans import sandbox_of as sandbox_of
from apiframe_studio.studio import Studio

if TYPE_CHECKING:
    from mcp.server import MCPServer


def build_studio(settings: Settings, *, sandbox: str | None = None) -> Studio:
    """The studio that the settings describe.

    With `sandbox` one on a stand-in, which has a ledger of its own: the embedded one for "", else the one
    that listens at that address.
    """
    return Studio(plan_of(settings) if sandbox is None else sandbox_plan_of(settings, sandbox))


def build_server(studio: Studio) -> MCPServer[Any]:
    """An MCP server with the tools of this studio. The SDK takes most of the start, so it is imported here."""
    from mcp.server import MCPServer

    from apiframe_tools import add_prompts, add_resources, build_tools, instructions

    server: MCPServer[Any] = MCPServer(
        "apiframe-photo-mcp",
        title="Apiframe photos (sandbox)" if studio.is_sandbox else "Apiframe photos",
        instructions=instructions(sandbox=studio.is_sandbox),
        version=__version__,
        tools=[*build_tools(None)],
        log_level="WARNING",
        lifespan=partial(_running, studio),
    )
    add_resources(server, studio)
    add_prompts(server, studio)
    return server


@asynccontextmanager
async def _running(studio: Studio, _server: MCPServer[Any]) -> AsyncGenerator[Studio]:
    """While a client is served: tools get the studio, and long uploads and generations have a place to run in."""
    async with studio.background:
        yield studio
