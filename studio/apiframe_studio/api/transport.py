"""One request and one answer: authorised, bounded in time and size, never redirected, never repeated."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from apiframe_studio import __version__
from apiframe_studio.api.answers import Answer
from apiframe_studio.api.errors import (
    BaseUrlProblem,
    BaseUrlUnusable,
    KeyUnusable,
    NotSent,
    NotSentBecause,
    Unclear,
    UnclearBecause,
)
from apiframe_studio.api.faults import WIRE_FAULTS, meaning_of
from apiframe_studio.api.keys import check_key
from apiframe_studio.api.tls import tls_context
from apiframe_studio.api.urls import leads_to_this_machine, usable_base_url

if TYPE_CHECKING:
    import ssl

    from pydantic import SecretStr
    from starlette.types import ASGIApp

LARGEST_BODY = 2**20
MOST_CONNECTIONS = 10
KEPT_ALIVE_SECONDS = 30.0

# A connection is made in two steps, TCP and TLS, each within the connect deadline. Both have to fit well
# into the total, so that a slow connect ends as "not sent" and not as "nobody knows".
_CONNECT_SHARE = 0.4

# The HTTP library logs reason phrases and response headers as they come: a stranger's words, in which
# secrets may be echoed. Nobody's log level may bring them up.
for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class Deadlines:
    """Seconds. `read` and `paid` are totals: from the call to the last byte of the answer."""

    connect: float = 5.0
    read: float = 15.0
    paid: float = 20.0


@dataclass
class _Received:
    """What has come so far: kept outside the deadline's scope, so that an answer in time is never lost."""

    response: httpx.Response | None = None
    body: bytearray = field(default_factory=bytearray)
    is_whole: bool = False
    fault: NotSentBecause | UnclearBecause = UnclearBecause.TIMEOUT

    def answer(self) -> Answer:
        if self.response is None:
            raise NotSent(self.fault) if isinstance(self.fault, NotSentBecause) else Unclear(why=self.fault)
        fault = UnclearBecause.CUT_OFF if isinstance(self.fault, NotSentBecause) else self.fault
        line = f"{self.response.http_version} {self.response.status_code} {self.response.reason_phrase}"
        broken = None if self.is_whole else fault
        return Answer(self.response.status_code, line, self.response.headers, bytes(self.body), broken)


class Transport:
    """The way to one service with one key. Building it touches neither the network nor the event loop."""

    def __init__(
        self,
        *,
        key: SecretStr | None,
        base_url: str,
        app: ASGIApp | None = None,
        connect_seconds: float = 5.0,
    ) -> None:
        self.base_url = usable_base_url(base_url)
        self._key = key
        self._app = app
        self._connect_seconds = connect_seconds
        self._pool: httpx.AsyncClient | None = None

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
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
        received = _Received()
        with anyio.move_on_after(seconds):
            async with self._client(fresh=fresh) as client:
                connect = min(self._connect_seconds, _CONNECT_SHARE * seconds)
                timeout = httpx.Timeout(seconds, connect=connect, pool=connect)
                content = None if body is None else json.dumps(body).encode()
                url = f"{self.base_url}{path}"
                request = client.build_request(method, url, content=content, headers=headers, timeout=timeout)
                await _carry(client, request, received)
        # Raised outside every `except`: the library's exception holds the request and must not hang on it.
        return received.answer()

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
            "User-Agent": f"apiframe-photo-mcp/{__version__}",
        }

    @asynccontextmanager
    async def _client(self, *, fresh: bool) -> AsyncGenerator[httpx.AsyncClient]:
        context = await tls_context(self.base_url)
        if fresh:
            async with self._new_client(context) as client:
                yield client
        else:
            self._pool = self._pool or self._new_client(context)
            yield self._pool

    def _new_client(self, context: ssl.SSLContext) -> httpx.AsyncClient:
        settings: dict[str, Any] = {
            "verify": context,
            "trust_env": not leads_to_this_machine(self.base_url),
            "limits": httpx.Limits(max_connections=MOST_CONNECTIONS, keepalive_expiry=KEPT_ALIVE_SECONDS),
            "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        }
        if self._app is not None:
            settings["transport"] = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        try:
            return httpx.AsyncClient(**settings)
        # ImportError: a SOCKS proxy without the package that httpx wants for it.
        except (ValueError, ImportError, httpx.InvalidURL):
            pass
        raise BaseUrlUnusable(BaseUrlProblem.PROXY)


async def _carry(client: httpx.AsyncClient, request: httpx.Request, received: _Received) -> None:
    try:
        received.response = await client.send(request, stream=True, follow_redirects=False)
        try:
            await _read_body(received.response, received)
        finally:
            await received.response.aclose()
    except WIRE_FAULTS as fault:
        received.fault = meaning_of(fault)


async def _read_body(response: httpx.Response, received: _Received) -> None:
    async for chunk in response.aiter_raw():
        if len(received.body) + len(chunk) > LARGEST_BODY:
            received.fault = UnclearBecause.TOO_LARGE
            return
        received.body += chunk
    received.is_whole = True
