"""The Python SDK's own client; the era is the first argument."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from lines import SERVER, ShownResult, serve, texts
from mcp import Client
from mcp.client.stdio import StdioServerParameters


async def main() -> None:
    """Connect once and call."""
    async with Client(StdioServerParameters(**SERVER), mode=sys.argv[1]) as client:

        async def call(tool: str, arguments: dict[str, Any]) -> ShownResult:
            result = await client.call_tool(tool, arguments)
            return texts(result.content), result.structured_content, result.is_error

        await serve(call)


asyncio.run(main())
