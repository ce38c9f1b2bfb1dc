"""One request and its response: authorised, bounded in time and size, never redirected, never repeated."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias

import anyio
import httpx
from anyio.lowlevel import checkpoint

from apiframe_studio import __version__
from apiframe_studio.api.errors import InvalidKey
from apiframe_studio.api.http.clients import build_client
from apiframe_studio.api.http.exchange import Exchange
from apiframe_studio.api.http.redaction import Redactor
from apiframe_studio.api.http.responses import RawResponse, read_date, read_request_id
from apiframe_studio.api.http.tls import get_tls_context
from apiframe_studio.api.keys import check_key
from apiframe_studio.api.provider import BeforeLastPart, Deadlines, OnBytesSent, OnDate
from apiframe_studio.api.urls import normalize_base_url, require_https

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import ASGIApp

MAX_RESPONSE_BYTES: Final = 2**20
USER_AGENT: Final = f"apiframe-photo-mcp/{__version__}"

# A connection takes two steps, TCP and TLS, each within the connect deadline. Both must fit well into the
# total, so that a slow connect ends as "not sent" and not as an unknown outcome.
_CONNECT_SHARE: Final = 0.4

log = logging.getLogger(__name__)


class StreamedBody(ABC):
    """A request body that is made each time it is sent, and is never in memory at once."""

    length: int
    """Bytes, known before the first is sent."""
    last_part: bytes
    on_sent: OnBytesSent | None = None
    before_last_part: BeforeLastPart | None = None

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        done = 0
        for chunk in chain(self.chunks(), [self.last_part]):
            # A consumer that never waits, such as an embedded service, must let other tasks run.
            await checkpoint()
            if chunk is self.last_part and self.before_last_part is not None:
                await self.before_last_part()
            yield chunk
            done += len(chunk)
            if self.on_sent is not None:
                self.on_sent(done, self.length)

    @abstractmethod
    def chunks(self) -> Iterator[bytes]:
        """Yield what comes before the last part."""


Body: TypeAlias = Mapping[str, object] | StreamedBody
"""A JSON object, or a body that is made while it is sent: JSON, unless the extra headers say otherwise."""


def build_timeouts(deadlines: Deadlines, seconds: float) -> httpx.Timeout:
    """Return what each step of one request may take when all of it may take `seconds`."""
    connect = min(deadlines.connect, _CONNECT_SHARE * seconds)
    return httpx.Timeout(seconds, connect=connect, pool=connect, write=deadlines.stalled)


class Transport:
    """Sends requests to one service with one key. Building it uses neither the network nor the event loop.

    `key_header` is the header that carries the bare key. `on_date` is called with the time of each response.

    Raises:
        InvalidBaseUrl: nothing can be sent to `base_url`, or not over plain http.
    """

    def __init__(
        self,
        *,
        key: SecretStr | None,
        key_header: str,
        base_url: str,
        allow_http: bool = False,
        app: ASGIApp | None = None,
        deadlines: Deadlines,
        on_date: OnDate | None = None,
    ) -> None:
        self.base_url = normalize_base_url(base_url)
        if app is None and not allow_http:
            require_https(self.base_url)
        self._key = key
        self._key_header = key_header
        self.app = app
        self.deadlines = deadlines
        self.redactor = Redactor([key.get_secret_value()] if key else [])
        self._on_date = on_date
        self._pool: httpx.AsyncClient | None = None

    async def request(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        seconds: float,
        fresh: bool = False,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RawResponse:
        """Send one request once, if `fresh` on a new connection; return what came back within `seconds`.

        Raises:
            InvalidKey, InvalidBaseUrl, NotSent: nothing left.
            OutcomeUnknown: it may have left, and not even a status line came back.
        """
        headers = {**self._headers(fresh=fresh), **(extra_headers or {})}
        exchange = Exchange(MAX_RESPONSE_BYTES)
        with anyio.move_on_after(seconds):
            async with self._client(fresh=fresh) as client:
                request = client.build_request(
                    method,
                    f"{self.base_url}{path}",
                    content=_content(body, headers),
                    headers=headers,
                    timeout=build_timeouts(self.deadlines, seconds),
                )
                with exchange.record_errors():
                    await exchange.receive(await client.send(request, stream=True, follow_redirects=False))
        # Outside every `except`: httpx's exception holds the request and must not become the context of ours.
        response = exchange.result()
        if self._on_date is not None and (date := read_date(response.headers)):
            self._on_date(date)
        level = logging.WARNING if response.status >= 500 else logging.INFO
        named = read_request_id(response, self.redactor) or "not given"
        log.log(level, "%s %s: HTTP %d, request id %s", method, path, response.status, named)
        return response

    async def aclose(self) -> None:
        """Close the connections kept for reads."""
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None

    def _headers(self, *, fresh: bool) -> dict[str, str]:
        key = self._key.get_secret_value() if self._key else ""
        if problem := check_key(key):
            raise InvalidKey(problem)
        return {
            self._key_header: key,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close" if fresh else "keep-alive",
            "User-Agent": USER_AGENT,
        }

    @asynccontextmanager
    async def _client(self, *, fresh: bool) -> AsyncGenerator[httpx.AsyncClient]:
        context = await get_tls_context(self.base_url)
        if fresh:
            async with build_client(self.base_url, context, self.app) as client:
                yield client
        else:
            self._pool = self._pool or build_client(self.base_url, context, self.app)
            yield self._pool


def _content(body: Body | None, headers: dict[str, str]) -> bytes | StreamedBody | None:
    """Return what is sent. A streamed body gets its length as a header, so that it is not sent in chunks."""
    if isinstance(body, StreamedBody):
        headers["Content-Length"] = str(body.length)
        return body
    if body is None:
        # Some services refuse a DELETE that announces a JSON body and has none.
        del headers["Content-Type"]
        return None
    return json.dumps(body).encode()
