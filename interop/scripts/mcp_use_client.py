"""The client of mcp-use."""

from __future__ import annotations

import asyncio
from typing import Any

from lines import SERVER, ShownResult, serve, texts
from mcp_use import MCPClient


async def main() -> None:
    """Connect once and call."""
    client = MCPClient.from_dict({"mcpServers": {"photos": SERVER}})
    session = await client.create_session("photos")

    async def call(tool: str, arguments: dict[str, Any]) -> ShownResult:
        result = await session.call_tool(tool, arguments)
        return texts(result.content), result.structuredContent, bool(result.isError)

    await serve(call)
    await client.close_all_sessions()


asyncio.run(main())
