"""Where everything is put together, and the only place that knows all the parts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from apiframe_server import __version__
from apiframe_server.settings import Settings
from apiframe_studio.ledger import LedgerUnusable
from apiframe_studio.private_files import make_private_folder
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox
from apiframe_studio.studio import Studio, StudioPlan

if TYPE_CHECKING:
    from mcp.server import MCPServer


def studio_of(settings: Settings, *, sandbox: str | None = None) -> Studio:
    """The studio that the settings describe.

    With `sandbox` one on a stand-in, which has a ledger of its own: the embedded one for "", else the one
    that listens at that address.
    """
    return Studio(_plan(settings) if sandbox is None else _sandbox_plan(settings, sandbox))


def server_of(studio: Studio) -> MCPServer[Any]:
    """An MCP server with the tools of this studio. The SDK takes most of the start, so it is imported here."""
    from mcp.server import MCPServer

    from apiframe_tools import add_prompts, add_resources, instructions, tools_of

    server: MCPServer[Any] = MCPServer(
        "apiframe-photo-mcp",
        title="Apiframe photos (sandbox)" if studio.is_sandbox else "Apiframe photos",
        instructions=instructions(sandbox=studio.is_sandbox),
        version=__version__,
        tools=[*tools_of(studio)],
        log_level="WARNING",
        lifespan=partial(_running, studio),
    )
    add_resources(server, studio)
    add_prompts(server, studio)
    return server


@asynccontextmanager
async def _running(studio: Studio, _server: MCPServer[Any]) -> AsyncGenerator[None]:
    """While a client is served: long uploads and generations have a place to run in."""
    async with studio.background:
        yield


def _plan(settings: Settings) -> StudioPlan:
    return StudioPlan(
        **_shared(settings),
        ledger_path=settings.data_dir / "ledger.sqlite3",
        base_url=settings.base_url,
        allow_http=settings.allow_http,
        key=settings.api_key,
        poll_seconds=settings.poll_seconds,
    )


def _shared(settings: Settings) -> dict[str, Any]:
    """What is the same with the service and with the stand-in."""
    return {
        "connect_seconds": settings.connect_seconds,
        "read_seconds": settings.read_seconds,
        "paid_seconds": settings.paid_seconds,
        "credits_a_day": settings.max_credits_per_day,
        "asks_before_spending": settings.confirm_spending == "ask",
        "photo_folders": settings.photo_folders,
        "output_folder": settings.output_folder,
        "picture_hosts": settings.picture_hosts,
    }


def _sandbox_plan(settings: Settings, url: str) -> StudioPlan:
    folder = settings.data_dir / "sandbox"
    return StudioPlan(
        **_shared(settings),
        ledger_path=folder / "ledger.sqlite3",
        base_url=url or SANDBOX_URL,
        allow_http=settings.allow_http,
        key=SecretStr(SANDBOX_KEY),
        stand_in=None if url else lambda: sandbox_of(settings).app,
        is_sandbox=True,
        poll_seconds=min(settings.poll_seconds, 1.0),
    )


def sandbox_of(settings: Settings) -> Sandbox:
    """The stand-in for the service; its tasks survive a restart.

    Raises:
        LedgerUnusable: its folder cannot be made.
    """
    folder = settings.data_dir / "sandbox"
    try:
        make_private_folder(folder)
    except OSError as error:
        raise LedgerUnusable(folder, error.strerror or "cannot be made") from error
    return Sandbox(training_seconds=settings.sandbox_seconds, store_path=folder / "tasks.sqlite3")
