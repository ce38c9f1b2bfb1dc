"""What any caller may use: bytes, time, connections and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class Limits:
    """Times are in seconds. They apply to every path."""

    head_bytes: int = 65_536
    head_seconds: float = 10.0
    """For the request line and the headers, from the connection or from the first byte of a later request."""
    body_bytes: int = 4 * 1024 * 1024
    """A card sends photos in pieces of half a megabyte."""
    body_seconds: float = 30.0
    keep_alive_seconds: int = 75
    """For an idle connection: longer than clients keep theirs, so that the server does not close one in use."""
    connections: int = 128
    """The answer beyond it is 503. Some systems allow a program 256 open files."""
    sessions: int = 1_000
    """Sessions of the older protocols; the newest has none. A client that does not end its session leaves it open."""
    session_idle_seconds: float = 1_800.0


class _BodyTooSlow(Exception):
    """The body was not complete in time."""


class BodyDeadline:
    """ASGI middleware: answers 408 when the body of a request is not complete in time."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, self._in_time(receive), send)
        except _BodyTooSlow:
            error = {"error": f"The request's body was not complete within {self._seconds:g} seconds."}
            await JSONResponse(error, 408, {"Connection": "close"})(scope, receive, send)

    def _in_time(self, receive: Receive) -> Receive:
        deadline = anyio.current_time() + self._seconds
        is_complete = False

        async def receive_in_time() -> Message:
            nonlocal is_complete
            if is_complete:
                return await receive()
            with anyio.CancelScope(deadline=deadline):
                message = await receive()
                is_complete = not message.get("more_body", False)
                return message
            raise _BodyTooSlow

        return receive_in_time
