"""One request and one answer: authorised, bounded in time and size, never redirected, never repeated."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import anyio
import httpx

from apiframe_studio import __version__
from apiframe_studio.api.answers import Answer, date_in
from apiframe_studio.api.clients import new_client
from apiframe_studio.api.errors import KeyUnusable
from apiframe_studio.api.exchange import Received, carry
from apiframe_studio.api.keys import check_key
from apiframe_studio.api.photos_body import PhotosBody
from apiframe_studio.api.tls import tls_context
from apiframe_studio.api.urls import check_not_in_clear, usable_base_url

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import ASGIApp

LARGEST_BODY = 2**20
USER_AGENT = f"apiframe-photo-mcp/{__version__}"

# A connection is made in two steps, TCP and TLS, each within the connect deadline. Both have to fit well
# into the total, so that a slow connect ends as "not sent" and not as "nobody knows".
_CONNECT_SHARE = 0.4


@dataclass(frozen=True)
class Deadlines:
    """Seconds. `read` and `paid` are totals: from the call to the last byte of the answer."""

    connect: float = 5.0
    read: float = 15.0
    paid: float = 20.0
    stalled: float = 60.0
    """How long a request's body may stand still. Not a measure of slowness: a system that holds 4 MB for
    a connection asks for more when a third has left, which takes 33 seconds at 40 kB/s."""


def timeouts(deadlines: Deadlines, seconds: float) -> httpx.Timeout:
    """Return what each step of one request may take when all of it may take `seconds`."""
    connect = min(deadlines.connect, _CONNECT_SHARE * seconds)
    return httpx.Timeout(seconds, connect=connect, pool=connect, write=deadlines.stalled)


class Transport:
    """The way to one service with one key. Building it touches neither the network nor the event loop."""

    def __init__(
        self,
        *,
        key: SecretStr | None,
        base_url: str,
        allow_http: bool = False,
        app: ASGIApp | None = None,
        deadlines: Deadlines = Deadlines(),
        on_date: Callable[[datetime], None] | None = None,
    ) -> None:
        self.base_url = usable_base_url(base_url)
        if app is None and not allow_http:
            check_not_in_clear(self.base_url)
        self._key = key
        self._app = app
        self._deadlines = deadlines
        self._on_date = on_date
        self._pool: httpx.AsyncClient | None = None

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | PhotosBody | None = None,
        *,
        seconds: float,
        fresh: bool = False,
    ) -> Answer:
        """Send one request once, `fresh` on a connection of its own; return what came back within `seconds`.

        Raises:
            KeyUnusable, BaseUrlUnusable, NotSent: nothing left.
            Unclear: it may have left, and not even a status line came back.
        """
        headers = self._headers(fresh=fresh)
        received = Received(LARGEST_BODY)
        with anyio.move_on_after(seconds):
            async with self._client(fresh=fresh) as client:
                request = client.build_request(
                    method,
                    f"{self.base_url}{path}",
                    content=_content(body, headers),
                    headers=headers,
                    timeout=timeouts(self._deadlines, seconds),
                )
                await carry(client, request, received)
        # Raised outside every `except`: the library's exception holds the request and must not hang on it.
        answer = received.answer()
        if self._on_date is not None and (date := date_in(answer.headers)):
            self._on_date(date)
        return answer

    async def aclose(self) -> None:
        """Close the connections kept for reads."""
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None

    def _headers(self, *, fresh: bool) -> dict[str, str]:
        key = self._key.get_secret_value() if self._key else ""
        if problem := check_key(key):
            raise KeyUnusable(problem)
        return {
            "Authorization": key,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close" if fresh else "keep-alive",
            "User-Agent": USER_AGENT,
        }

    @asynccontextmanager
    async def _client(self, *, fresh: bool) -> AsyncGenerator[httpx.AsyncClient]:
        context = await tls_context(self.base_url)
        if fresh:
            async with new_client(self.base_url, context, self._app) as client:
                yield client
        else:
            self._pool = self._pool or new_client(self.base_url, context, self._app)
            yield self._pool


def _content(
    body: Mapping[str, object] | PhotosBody | None, headers: dict[str, str]
) -> bytes | PhotosBody | None:
    """Return what is sent. A streamed body tells its length, so that it is not sent in chunks."""
    if isinstance(body, PhotosBody):
        headers["Content-Length"] = str(body.length)
        return body
    return None if body is None else json.dumps(body).encode()
