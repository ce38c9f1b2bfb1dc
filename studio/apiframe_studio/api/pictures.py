"""Fetching generated pictures: from allowed hosts, in bounded size and time, and without the key.

Source: `image_urls` of `POST /ai-photo-generate`. The links are public and expire; nothing documents when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio
import httpx

from apiframe_studio.api.answers import Answer, retry_after_in
from apiframe_studio.api.clients import new_client
from apiframe_studio.api.errors import (
    ApiframeError,
    NotFound,
    PictureRefused,
    PictureRefusedBecause,
    Refused,
    Throttled,
    Unclear,
    UnclearBecause,
)
from apiframe_studio.api.exchange import Received, carry
from apiframe_studio.api.models import Picture
from apiframe_studio.api.picture_hosts import permitted
from apiframe_studio.api.retries import patiently
from apiframe_studio.api.tls import tls_context
from apiframe_studio.api.transport import USER_AGENT, Deadlines, timeouts

if TYPE_CHECKING:
    from starlette.types import ASGIApp

MOST_REDIRECTS = 3
_HEADERS = {
    "Accept": "image/png, image/jpeg, image/webp",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": USER_AGENT,
}


class Pictures:
    """The way to the pictures of one service. It knows no key, so it can give none away."""

    def __init__(self, *, base_url: str, app: ASGIApp | None, deadlines: Deadlines) -> None:
        self._base_url = base_url
        self._app = app
        self._deadlines = deadlines

    async def download(self, url: str, *, hosts: Sequence[str], seconds: float, most_bytes: int) -> Picture:
        """Fetch one picture within `seconds`. Free, so it is tried up to three times.

        `hosts` are names such as `cdn.example.com` or `.example.com`, which takes every host of
        example.com; `name:8443` allows another port than https's own. A service on this machine may
        also serve its pictures itself, over http too.

        Raises:
            PictureRefused: its address, or that of a redirect, is not allowed; it is larger than
                `most_bytes`; or it is no JPEG, PNG or WebP.
            NotFound, Refused, Throttled, NotSent, Unclear: it could not be had (now). A picture's host
                knows no key, so its 401, 402 and 403 are plain Refused: an expired link, usually.
            BaseUrlUnusable: the environment's proxies cannot be used.
        """

        async def ask(seconds_left: float) -> Picture:
            return await self._follow(url, hosts, anyio.current_time() + seconds_left, most_bytes)

        return await patiently(ask, seconds)

    async def _follow(self, url: str, hosts: Sequence[str], until: float, most_bytes: int) -> Picture:
        embedded = self._app is not None
        at = permitted(url, hosts, base_url=self._base_url, embedded=embedded)
        for _ in range(MOST_REDIRECTS):
            answer = await self._get(at, until, most_bytes)
            link = answer.headers.get("location") if 300 <= answer.status < 400 else None
            if not link:
                return _picture_in(answer)
            at = permitted(link, hosts, base_url=self._base_url, embedded=embedded, seen_at=at)
        return _picture_in(await self._get(at, until, most_bytes))

    async def _get(self, url: httpx.URL, until: float, most_bytes: int) -> Answer:
        received = Received(most_bytes)
        context = await tls_context(str(url))
        seconds = max(until - anyio.current_time(), 0.0)
        with anyio.move_on_after(seconds):
            # A client of its own for each host and hop: no connection, cookie or header is carried over.
            async with new_client(str(url), context, self._app) as client:
                timeout = timeouts(self._deadlines, seconds)
                request = client.build_request("GET", url, headers=_HEADERS, timeout=timeout)
                await carry(client, request, received)
        return received.answer()


def media_type_of(data: bytes) -> str | None:
    """Return what a picture's first bytes say it is, or None for anything but JPEG, PNG and WebP."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _picture_in(answer: Answer) -> Picture:
    if error := _error_of(answer):
        raise error
    media_type = media_type_of(answer.body)
    if media_type is None:
        raise PictureRefused(PictureRefusedBecause.TYPE)
    return Picture(answer.body, media_type)


def _error_of(answer: Answer) -> ApiframeError | None:
    """Return why an answer is no picture. What its host says about it is nothing a person can use."""
    status = answer.status
    if status == 200:
        return _fault_of(answer)
    if status == 429:
        return Throttled(retry_after=retry_after_in(answer.headers))
    if 300 <= status < 500 and status != 408:
        return NotFound(status=status) if status in (404, 410) else Refused(status=status)
    why = UnclearBecause.SERVER_ERROR if status >= 500 else UnclearBecause.ODD_STATUS
    return Unclear(why=why, status=status)


def _fault_of(answer: Answer) -> ApiframeError | None:
    if answer.broken is UnclearBecause.TOO_LARGE:
        return PictureRefused(PictureRefusedBecause.SIZE)
    return None if answer.broken is None else Unclear(why=answer.broken, status=answer.status)
