"""What a server costs that does nothing: one tool on the bare SDK, which makes the same request as a look.

With a URL as its argument the tool asks that service, through one shared client, as our server does.
"""

from __future__ import annotations

import sys
from typing import Any

import httpx
from mcp.server import MCPServer

server = MCPServer("bare", log_level="WARNING")
_clients: list[httpx.AsyncClient] = []


@server.tool()
async def look(task_id: str) -> dict[str, Any]:
    """Look at a training."""
    if not _clients:
        _clients.append(httpx.AsyncClient(base_url=sys.argv[1]))
    answer = await _clients[0].post("/fetch", json={"task_id": task_id})
    return dict(answer.json())


if __name__ == "__main__":
    server.run()
