"""ASGI middleware of the port: only programs of this machine are served, and no page of another site.

The sandbox asks nobody for a password. A browser sends what any page tells it to, and a name that a page's
owner points at 127.0.0.1 brings even the answers to that page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from apiframe_studio.api.urls import is_loopback

from .errors import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class ThisMachineOnly:
    """Refuses a foreign Host with 421, a foreign Origin or a cross-site request with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refusal := _refusal(Headers(scope=scope))):
            await JSONResponse(refusal.body(), refusal.status)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _refusal(headers: Headers) -> Refusal | None:
    if not is_loopback(_host(f"//{headers.get('host', '')}")):
        return Refusal("The sandbox answers to names of this machine only, such as 127.0.0.1", status=421)
    origin = headers.get("origin")
    if headers.get("sec-fetch-site") == "cross-site" or not (origin is None or is_loopback(_host(origin))):
        return Refusal(
            "The sandbox answers no page of another site; call 127.0.0.1 from a program", status=403
        )
    return None


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
