"""Start the server as a separate process and train in the sandbox through the protocol: no key, no cost.

python examples/mcp_client.py
"""

from __future__ import annotations

import sys
import tempfile

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters


async def main(folder: str) -> None:
    settings = {"APIFRAME_DATA_DIR": folder, "APIFRAME_SANDBOX_SECONDS": "1"}
    # This interpreter has the package. Elsewhere, use apiframe-photo-mcp with its full path as the command.
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "apiframe_server", "--sandbox"], env=settings
    )
    async with Client(server) as client:
        started = await client.call_tool(
            "start_training", {"training_images_id": "sandbox-person", "subject": "Anna"}
        )
        if started.structured_content is None:
            raise SystemExit(started.content)
        task_id = started.structured_content["task_id"]
        finished = await client.call_tool("wait_for_training", {"task_id": task_id})
        if finished.structured_content is None:
            raise SystemExit(finished.content)
        print(finished.structured_content["trigger_word"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        anyio.run(main, name)
