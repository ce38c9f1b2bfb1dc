"""A service on loopback that responds to status checks after a delay and counts them.

    python -m bench.service DELAY_SECONDS     prints its port; GET /count returns the checks so far

It is separate from the sandbox because it is much faster, so that a benchmark measures our server and not the service.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from typing import Any

_ids = itertools.count(1)


class Service:
    """Accepts trainings that stay at 40 percent. Under v2 it has `bench-000` to `bench-099`, which never end."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._status_checks = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while head := await self._read_head(reader):
            path = head.split(b" ", 2)[1].decode()
            body = json.loads(await reader.readexactly(_content_length(head)) or b"{}")
            text = json.dumps(await self._respond(path, body)).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text)
            )
            writer.write(text)
            await writer.drain()
        writer.close()

    async def _read_head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    async def _respond(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path == "/count":
            return {"status_checks": self._status_checks}
        if path == "/account":
            return {"credits": 10_000}
        if path == "/v2/me":
            return {"user": {"id": "bench"}, "team": {"id": "bench", "credits": 10_000}}
        if path == "/ai-photo-train":
            return {"task_id": f"bench-{next(_ids)}"}
        self._status_checks += 1
        await asyncio.sleep(self._delay)
        if path.startswith("/v2/loras?"):
            return {"items": [_running_lora(f"bench-{n:03}") for n in range(100)], "nextCursor": None}
        if path.startswith("/v2/loras/"):
            return _running_lora(path.rpartition("/")[2])
        if path == "/fetch-many":
            return {"tasks": [_running_task(task_id) for task_id in body["task_ids"]]}
        return _running_task(body["task_id"])


def _running_task(task_id: str) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "status": "processing",
        "message": "Training is in progress",
        "percentage": "40",
    }


def _running_lora(training_id: str) -> dict[str, Any]:
    return {
        "id": training_id,
        "name": "AI photos",
        "status": "TRAINING",
        "userId": "bench",
        "createdAt": "2026-01-01T00:00:00.000Z",
        "startedAt": "2026-01-01T00:00:00.000Z",
    }


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


async def _serve(delay: float) -> None:
    server = await asyncio.start_server(Service(delay).serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
