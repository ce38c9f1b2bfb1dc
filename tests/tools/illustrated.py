"""Calls whose answers show something beside their text, and a service whose requests can be read."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import anyio
import jsonschema  # type: ignore[import-untyped]  # comes with the SDK, without types
from mcp.types import ContentBlock, ImageContent, TextContent
from PIL import Image

from apiframe_studio.sandbox import Sandbox

from .conftest import Talk

WITHIN = 30
"""Seconds: pictures are decoded in processes of their own, which a busy machine is slow to start."""


@dataclass(frozen=True)
class Shown:
    """What came back: the text that stands alone, the typed result, and the blocks behind the text."""

    text: str
    facts: dict[str, Any]
    blocks: list[ContentBlock]

    def images(self) -> list[Image.Image]:
        return [picture_of(block) for block in self.blocks if isinstance(block, ImageContent)]


async def show(talk: Talk, tool: str, *, told: Any = None, **arguments: Any) -> Shown:
    """Call a tool that has to answer; its structured content fits its schema."""
    with anyio.fail_after(WITHIN):
        result = await talk.client.call_tool(tool, arguments, progress_callback=told)
        tools = (await talk.client.list_tools()).tools
    text, *blocks = result.content
    assert isinstance(text, TextContent)
    assert not result.is_error, text.text
    assert result.structured_content is not None
    [schema] = [known.output_schema for known in tools if known.name == tool]
    assert schema is not None
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(
        result.structured_content
    )
    return Shown(text.text, result.structured_content, blocks)


async def refuse(talk: Talk, tool: str, **arguments: Any) -> str:
    """Call a tool that has to refuse; returns its words."""
    with anyio.fail_after(WITHIN):
        result = await talk.client.call_tool(tool, arguments)
    [text] = result.content
    assert isinstance(text, TextContent)
    assert result.is_error, text.text
    assert result.structured_content is None
    return text.text


def picture_of(block: ImageContent) -> Image.Image:
    assert block.mime_type == "image/jpeg"
    picture = Image.open(BytesIO(base64.b64decode(block.data)))
    assert picture.format == "JPEG"
    return picture


@dataclass
class Watched:
    """A sandbox whose requests are kept; paths in `broken` answer with an error instead."""

    sandbox: Sandbox
    seen: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    broken: set[str] = field(default_factory=set[str])

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _all_of(receive)
        self.seen.append((scope["path"], body))
        if any(scope["path"].startswith(path) for path in self.broken):
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"expired"})
            return
        whole = {"type": "http.request", "body": body, "more_body": False}

        async def again() -> dict[str, Any]:
            return whole

        await self.sandbox.app(scope, again, send)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """What was posted there, in order."""
        return [json.loads(body) for at, body in self.seen if at == path]


async def _all_of(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body
