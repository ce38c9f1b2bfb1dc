"""A chat host, as far as its model sees results: the first argument says what it passes on.

"structured": structured content instead of everything else, as Codex and opencode do. "text": text blocks only.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from lines import SERVER, ShownResult, serve, texts
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import ImageContent


async def main() -> None:
    """Connect once and call."""
    prefers_structured = sys.argv[1] == "structured"
    # Both kinds of host speak the older protocol.
    async with Client(StdioServerParameters(**SERVER), mode="legacy") as client:

        async def call(tool: str, arguments: dict[str, Any]) -> ShownResult:
            result = await client.call_tool(tool, arguments)
            structured = result.structured_content if prefers_structured else None
            if structured is not None:
                return json.dumps(structured), structured, result.is_error, 0
            images = sum(isinstance(block, ImageContent) for block in result.content)
            return texts(result.content), None, result.is_error, images if prefers_structured else 0

        await serve(call)


asyncio.run(main())
