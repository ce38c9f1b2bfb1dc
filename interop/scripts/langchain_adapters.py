"""langchain-mcp-adapters, which starts a new server for every call."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.messages import ToolCall
from langchain_mcp_adapters.client import MultiServerMCPClient
from lines import SERVER, ShownResult, serve, texts


async def main() -> None:
    """List the tools once; each call starts its own process."""
    client = MultiServerMCPClient({"photos": {"transport": "stdio", **SERVER}})
    tools = {tool.name: tool for tool in await client.get_tools()}

    async def call(tool: str, arguments: dict[str, Any]) -> ShownResult:
        message = await tools[tool].ainvoke(ToolCall(name=tool, args=arguments, id="call", type="tool_call"))
        artifact = message.artifact or {}
        return texts(message.content), artifact.get("structured_content"), message.status == "error"

    await serve(call)


asyncio.run(main())
