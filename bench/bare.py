"""A server with one tool on the bare SDK, which makes the same request as a status check: the baseline of a call.

python -m bench.bare URL     where the service is; the tool uses one shared client, as our server does
"""

from __future__ import annotations

import sys
from typing import Any

import httpx
from mcp.server import MCPServer

server = MCPServer("bare", log_level="WARNING")
_clients: list[httpx.AsyncClient] = []


@server.tool()
async def get_training_status(task_id: str) -> dict[str, Any]:
    """Get the status of a training."""
    if not _clients:
        _clients.append(httpx.AsyncClient(base_url=sys.argv[1]))
    response = await _clients[0].post("/fetch", json={"task_id": task_id})
    return dict(response.json())


if __name__ == "__main__":
    server.run()
