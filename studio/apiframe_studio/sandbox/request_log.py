"""ASGI middleware that logs every call of the contract and then delivers the webhooks that are due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from .state import State

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_PATH = 200


class RequestLog:
    """Logs time, method, path and status. Bodies and headers hold keys and secrets and are never logged."""

    def __init__(self, app: ASGIApp, state: State, deliver: Callable[[], Awaitable[None]]) -> None:
        self._app = app
        self._state = state
        self._deliver = deliver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/sandbox/"):
            await self._app(scope, receive, send)
            return

        async def log_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                now, path = self._state.now(), scope["path"][:MAX_PATH]
                self._state.store.log_request(now, scope["method"], path, message["status"])
            await send(message)

        await self._app(scope, receive, log_and_send)
        await self._deliver()
