"""The protocol of all client scripts: one JSON line in, one JSON line out.

In: `{"tool", "arguments"}`. Out: `{"text", "structured", "error", "images"}`, what the client shows of the result; only
the chat hosts count images. INTEROP_SERVER holds the server to start as `{"command", "args", "env"}`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

SERVER: dict[str, Any] = json.loads(os.environ.get("INTEROP_SERVER", "{}"))
ShownResult = tuple[str, Any, bool] | tuple[str, Any, bool, int]


async def read_call() -> tuple[str, dict[str, Any]] | None:
    """Return the next call, or None after the last one."""
    line = await asyncio.to_thread(sys.stdin.readline)
    if not line.strip():
        return None
    call = json.loads(line)
    return call["tool"], call["arguments"]


def write_result(text: str, structured: Any, error: bool, images: int = 0) -> None:
    """Write what the client shows."""
    shown = {"text": text, "structured": structured, "error": error, "images": images}
    print(json.dumps(shown), flush=True)


async def serve(call: Callable[[str, dict[str, Any]], Awaitable[ShownResult]]) -> None:
    """Make all calls from stdin."""
    while (wanted := await read_call()) is not None:
        write_result(*await call(*wanted))


def texts(content: Any) -> str:
    """Return the text of content blocks, in any form in which clients hold them."""
    if isinstance(content, str):
        return content
    parts = [part if isinstance(part, dict) else vars(part) for part in content]
    return "\n".join(str(part.get("text", "")) for part in parts)
