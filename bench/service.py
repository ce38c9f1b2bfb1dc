"""A service on loopback that answers looks at once or after a delay, and counts its requests.

    python -m bench.service DELAY_SECONDS     prints its port; GET /count tells the requests so far

It is far quicker than the sandbox, so that a bench measures our server and not the stand-in.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from typing import Any

_ids = itertools.count(1)


class Service:
    """Trainings that are for ever at 40 percent."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._looks = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while head := await self._head(reader):
            path = head.split(b" ", 2)[1].decode()
            body = json.loads(await reader.readexactly(_length(head)) or b"{}")
            text = json.dumps(await self._answer(path, body)).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text)
            )
            writer.write(text)
            await writer.drain()
        writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    async def _answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path == "/count":
            return {"looks": self._looks}
        if path == "/account":
            return {"credits": 10_000}
        if path == "/ai-photo-train":
            return {"task_id": f"bench-{next(_ids)}"}
        self._looks += 1
        await asyncio.sleep(self._delay)
        if path == "/fetch-many":
            return {"tasks": [_task(task_id) for task_id in body["task_ids"]]}
        return _task(body["task_id"])


def _task(task_id: str) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "status": "processing",
        "message": "Training is in progress",
        "percentage": "40",
    }


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


async def _serve(delay: float) -> None:
    server = await asyncio.start_server(Service(delay).talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
