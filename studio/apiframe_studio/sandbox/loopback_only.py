"""ASGI middleware that serves only programs and pages of this machine.

The sandbox has no authentication, and any web page can make a browser send requests to 127.0.0.1. With a host name
that resolves to 127.0.0.1 (DNS rebinding), the page could also read the responses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from apiframe_studio.api.urls import is_loopback

from .errors import ErrorResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class LoopbackOnly:
    """Rejects a foreign Host with 421, and a foreign Origin or a cross-site request with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (error := _check_headers(Headers(scope=scope))):
            await JSONResponse(error.to_json(), error.status)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _check_headers(headers: Headers) -> ErrorResponse | None:
    if not is_loopback(_host_of(f"//{headers.get('host', '')}")):
        return ErrorResponse("The sandbox accepts names of this machine only, such as 127.0.0.1", status=421)
    origin = headers.get("origin")
    foreign = origin is not None and not is_loopback(_host_of(origin))
    if foreign or headers.get("sec-fetch-site") == "cross-site":
        message = "The sandbox does not serve pages of other sites; call 127.0.0.1 from a program"
        return ErrorResponse(message, status=403)
    return None


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
