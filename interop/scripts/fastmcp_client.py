"""The client of FastMCP."""

from __future__ import annotations

import asyncio
from typing import Any

from fastmcp import Client
from lines import SERVER, ShownResult, serve, texts


async def main() -> None:
    """Connect once and call."""
    async with Client({"mcpServers": {"photos": SERVER}}) as client:

        async def call(tool: str, arguments: dict[str, Any]) -> ShownResult:
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            return texts(result.content), result.structured_content, result.is_error

        await serve(call)


asyncio.run(main())
