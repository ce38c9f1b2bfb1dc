"""The open streams of server messages, which clients keep for as long as the server runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EndStreams:
    """ASGI middleware: ends these streams when `stopping` is set. Calls, which end by themselves, go on."""

    def __init__(self, app: ASGIApp, stopping: anyio.Event) -> None:
        self._app = app
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_stream(scope):
            await self._app(scope, receive, send)
            return
        is_open = False

        async def send_and_watch(message: Message) -> None:
            nonlocal is_open
            is_open = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        await self._app(scope, self._until_stopping(receive), send_and_watch)
        if is_open:
            # Its own end, after a disconnect, leaves the response incomplete.
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _until_stopping(self, receive: Receive) -> Receive:
        async def receive_until_stopping() -> Message:
            async with anyio.create_task_group() as group:
                group.start_soon(self._cancel_when_stopping, group.cancel_scope)
                message = await receive()
                group.cancel_scope.cancel()
                return message
            return {"type": "http.disconnect"}

        return receive_until_stopping

    async def _cancel_when_stopping(self, scope: anyio.CancelScope) -> None:
        await self._stopping.wait()
        scope.cancel()


def _is_stream(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    is_listening = Headers(scope=scope).get("mcp-method") == "subscriptions/listen"
    return bool(scope["method"] == "GET") or is_listening
