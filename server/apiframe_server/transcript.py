"""Tool calls of an MCP client, printed in a terminal as they happen."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection
from typing import Any

from mcp import Client
from mcp.types import CallToolResult, ImageContent, TextContent
from rich.console import Console
from rich.markup import escape

from apiframe_server.terminal import show_progress_bar
from apiframe_tools.results import read_fields

UNSETTLED = frozenset({"submitting", "queued", "processing", "uploading", "preparing"})


class ToolFailed(Exception):
    """A tool returned an error, which was printed."""


class Transcript:
    """Calls tools for one client. Each call returns the fields of the result and raises ToolFailed."""

    def __init__(self, client: Client, console: Console) -> None:
        self._client = client
        self._console = console
        self.images: list[bytes] = []
        """The images of the last result."""

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        self._print_call(tool, arguments)
        return self._print_result(await self._client.call_tool(tool, arguments))

    async def call_until_settled(
        self, tool: str, label: str, *, unsettled: Collection[str] = UNSETTLED, **arguments: Any
    ) -> dict[str, Any]:
        """Call a tool until its status is none of `unsettled`, with one progress bar."""
        self._print_call(tool, arguments)
        with show_progress_bar(self._console, label, keep=True) as update:
            while True:
                result = await self._client.call_tool(tool, arguments, progress_callback=update)
                if read_fields(result).get("status") not in unsettled:
                    break
        return self._print_result(result)

    def _print_call(self, tool: str, arguments: dict[str, Any]) -> None:
        given = ", ".join(f"{name}={value}" for name, value in arguments.items())
        self._console.print(f"[bold cyan]assistant[/bold cyan] calls [bold]{tool}[/bold]({escape(given)})")

    def _print_result(self, result: CallToolResult) -> dict[str, Any]:
        self.images = [b64decode(part.data) for part in result.content if isinstance(part, ImageContent)]
        text = " ".join(part.text for part in result.content if isinstance(part, TextContent))
        self._console.print(f"[bold green]server[/bold green]    {escape(text)}\n")
        if result.is_error:
            raise ToolFailed(text)
        return read_fields(result)
