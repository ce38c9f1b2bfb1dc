"""Builds the studio and the server. The only module that imports every part."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from apiframe_server import __version__
from apiframe_server.settings import Settings
from apiframe_studio.config import build_sandbox as build_sandbox
from apiframe_studio.config import sandbox_config, service_config
from apiframe_studio.studio import Studio

if TYPE_CHECKING:
    from mcp.server import MCPServer


def build_studio(settings: Settings, *, sandbox: str | None = None, notifies: bool = False) -> Studio:
    """Build the studio that the settings describe.

    `sandbox` is None for the service, "" for the embedded sandbox, or the URL of a sandbox. Sandboxes have a separate
    ledger. With `notifies` the user is notified of the end of trainings, if the settings say so.
    """
    config = service_config(settings) if sandbox is None else sandbox_config(settings, sandbox)
    if not (notifies and settings.notify):
        return Studio(config)
    from apiframe_server.notifications import open_notifier

    return Studio(config, notifier=open_notifier(sandbox=config.is_sandbox))


def build_server(studio: Studio, *, cards: bool = True) -> MCPServer[Any]:
    """Build the MCP server of a studio. Importing the SDK takes most of the start-up time, so it is imported here."""
    from mcp.server import MCPServer

    from apiframe_tools import (
        add_prompts,
        add_resources,
        build_extension,
        build_tools,
        declare_cards,
        instructions,
    )

    server: MCPServer[Any] = MCPServer(
        "apiframe-photo-mcp",
        title="Apiframe photos (sandbox)" if studio.is_sandbox else "Apiframe photos",
        instructions=instructions(studio.terms, sandbox=studio.is_sandbox),
        version=__version__,
        tools=[*build_tools(studio.terms, cards=cards)],
        extensions=[build_extension(studio.terms)] if cards else [],
        middleware=[declare_cards] if cards else [],
        log_level="WARNING",
        lifespan=partial(_running, studio),
    )
    add_resources(server, studio)
    add_prompts(server, studio)
    return server


@asynccontextmanager
async def _running(studio: Studio, _server: MCPServer[Any]) -> AsyncGenerator[Studio]:
    """The lifespan of a session: tools get the studio from it, and background jobs run within it."""
    async with studio.jobs:
        studio.follower.begin()
        yield studio
