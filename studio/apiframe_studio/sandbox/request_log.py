"""ASGI middleware: every call of the contract is noted, and followed by the webhooks it is time for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .webhook_delivery import announce

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .sandbox import Sandbox

PATH_LIMIT = 200


class Logbook:
    """Neither bodies nor headers are noted: they hold keys and secrets."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/sandbox/"):
            await self._app(scope, receive, send)
            return

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message["status"])
            await send(message)

        await self._app(scope, receive, noting)
        await announce(self._sandbox)

    def _note(self, scope: Scope, status: int) -> None:
        path = scope["path"][:PATH_LIMIT]
        self._sandbox.store.log(self._sandbox.now(), scope["method"], path, status)
