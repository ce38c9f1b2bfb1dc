"""How every client is told what to call: one JSON line in, one JSON line out.

In: `{"tool", "arguments"}`. Out: `{"text", "structured", "error"}`, what this client shows of the result. The server to
start stands in INTEROP_SERVER as `{"command", "args", "env"}`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

SERVER: dict[str, Any] = json.loads(os.environ.get("INTEROP_SERVER", "{}"))
Seen = tuple[str, Any, bool]


async def asked() -> tuple[str, dict[str, Any]] | None:
    """The next call, or None when there are no more."""
    line = await asyncio.to_thread(sys.stdin.readline)
    if not line.strip():
        return None
    call = json.loads(line)
    return call["tool"], call["arguments"]


def answer(text: str, structured: Any, error: bool) -> None:
    """Tell what was seen."""
    print(json.dumps({"text": text, "structured": structured, "error": error}), flush=True)


async def serve(call: Callable[[str, dict[str, Any]], Awaitable[Seen]]) -> None:
    """Make every call that is asked for."""
    while (wanted := await asked()) is not None:
        answer(*await call(*wanted))


def texts(content: Any) -> str:
    """The text of content blocks, whichever way this client holds them."""
    if isinstance(content, str):
        return content
    parts = [part if isinstance(part, dict) else vars(part) for part in content]
    return "\n".join(str(part.get("text", "")) for part in parts)
