"""Calls whose results have images or links, and a service that records its requests."""

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
from apiframe_tools.results import read_fields

from .conftest import Session

WITHIN = 30
"""Seconds. Images are decoded in separate processes, which start slowly on a busy machine."""


@dataclass(frozen=True)
class Shown:
    """A result: the text, the fields, and the content blocks after the text."""

    text: str
    facts: dict[str, Any]
    blocks: list[ContentBlock]

    def images(self) -> list[Image.Image]:
        return [image_of(block) for block in self.blocks if isinstance(block, ImageContent)]


async def show(session: Session, tool: str, *, on_progress: Any = None, **arguments: Any) -> Shown:
    """Call a tool that must succeed, and check its fields against its schema; a result with images has none."""
    with anyio.fail_after(WITHIN):
        result = await session.client.call_tool(tool, arguments, progress_callback=on_progress)
        tools = (await session.client.list_tools()).tools
    text, *blocks = result.content
    assert isinstance(text, TextContent)
    assert not result.is_error, text.text
    facts = read_fields(result)
    [schema] = [known.output_schema for known in tools if known.name == tool]
    # A host that prefers structured content would drop the images.
    assert (result.structured_content is None) is (schema is None)
    assert facts
    if schema is not None:
        checker = jsonschema.FormatChecker()
        jsonschema.Draft202012Validator(schema, format_checker=checker).validate(result.structured_content)
    return Shown(text.text, facts, blocks)


async def refuse(session: Session, tool: str, **arguments: Any) -> str:
    """Call a tool that must fail and return its error text."""
    with anyio.fail_after(WITHIN):
        result = await session.client.call_tool(tool, arguments)
    [text] = result.content
    assert isinstance(text, TextContent)
    assert result.is_error, text.text
    assert result.structured_content is None
    return text.text


def image_of(block: ImageContent) -> Image.Image:
    assert block.mime_type == "image/jpeg"
    image = Image.open(BytesIO(base64.b64decode(block.data)))
    assert image.format == "JPEG"
    return image


@dataclass
class Watched:
    """A sandbox that records its requests and responds with an error to paths in `broken`."""

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
        """Return the bodies posted to the path, in order."""
        return [json.loads(body) for at, body in self.seen if at == path]


async def _all_of(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body
