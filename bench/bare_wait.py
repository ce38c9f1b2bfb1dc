"""What a wait costs on the bare SDK: one tool that sleeps. What ours takes beyond it is ours."""

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
