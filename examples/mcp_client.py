"""The server as a program of its own, through the protocol, on the sandbox: no key, no cost.

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
    # The interpreter that has the package; elsewhere the command is apiframe-photo-mcp, with its full path.
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "apiframe_server", "--sandbox"], env=settings
    )
    async with Client(server) as client:
        begun = await client.call_tool(
            "start_training", {"training_images_id": "sandbox-person", "subject": "Anna"}
        )
        if begun.structured_content is None:
            raise SystemExit(begun.content)
        ended = await client.call_tool("wait_for_training", {"task_id": begun.structured_content["task_id"]})
        print(ended.content if ended.structured_content is None else ended.structured_content["trigger_word"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        anyio.run(main, name)
