"""A server with one tool on the bare SDK, which sleeps: the baseline of a wait."""

from __future__ import annotations

import anyio
from mcp.server import MCPServer

server = MCPServer("bare", log_level="WARNING")


@server.tool()
async def wait_for_training(task_id: str) -> str:
    """Wait."""
    await anyio.sleep(60)
    return task_id


if __name__ == "__main__":
    server.run()
