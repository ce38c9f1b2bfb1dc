"""Downloading generated images: from allowed hosts, bounded in size and time, and without the key.

Their links are public and expire; the service does not document when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import anyio
import httpx

from apiframe_studio.api.errors import (
    ApiframeError,
    ImageRefused,
    ImageRefusedReason,
    NotFound,
    OutcomeUnknown,
    OutcomeUnknownReason,
    RateLimited,
    Refused,
)
from apiframe_studio.api.http.clients import build_client
from apiframe_studio.api.http.exchange import Exchange
from apiframe_studio.api.http.image_hosts import check_image_url
from apiframe_studio.api.http.responses import RawResponse, read_retry_after
from apiframe_studio.api.http.retries import with_retries
from apiframe_studio.api.http.tls import get_tls_context
from apiframe_studio.api.http.transport import USER_AGENT, Transport, build_timeouts
from apiframe_studio.api.provider import Image
from apiframe_studio.image_formats import MEDIA_TYPES, detect_image_format

MAX_REDIRECTS: Final = 3
_HEADERS: Final = {
    "Accept": "image/png, image/jpeg, image/webp",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": USER_AGENT,
}


async def download_image(
    service: Transport, url: str, *, hosts: Sequence[str], deadline_seconds: float, max_bytes: int
) -> Image:
    """Fetch one image of `service` within `deadline_seconds`. Free, so it is tried up to three times.

    `hosts` are names such as `cdn.example.com`, or `.example.com` for every host of example.com;
    `name:8443` allows a port other than that of https. A service on this machine may also serve its images
    itself, over http too.

    Raises:
        ImageRefused: its address, or that of a redirect, is not allowed; it is larger than `max_bytes`; or it
            is not a JPEG, PNG or WebP.
        NotFound, Refused, RateLimited, NotSent, OutcomeUnknown: it could not be fetched (now). An image host
            knows no key, so its 401, 402 and 403 are plain Refused: an expired link, usually.
        InvalidBaseUrl: the environment's proxies cannot be used.
    """
    if service.redactor.is_in_link(url):
        # Image hosts must not learn a secret, and only the service could have put it there.
        raise ImageRefused(ImageRefusedReason.HOST)
    try:
        return await with_retries(
            lambda seconds: _follow(service, url, hosts, anyio.current_time() + seconds, max_bytes),
            _read_image,
            deadline_seconds,
        )
    except ImageRefused as error:
        if not service.redactor.is_in_link(error.host):
            raise
        reason = error.reason
    # Outside of `except`: else the error with the host would be the context of this one.
    raise ImageRefused(reason)


async def _follow(
    service: Transport, url: str, hosts: Sequence[str], until: float, max_bytes: int
) -> RawResponse:
    embedded = service.app is not None
    at = check_image_url(url, hosts, base_url=service.base_url, embedded=embedded)
    for _ in range(MAX_REDIRECTS):
        response = await _get(service, at, until, max_bytes)
        link = response.headers.get("location") if 300 <= response.status < 400 else None
        if not link:
            return response
        at = check_image_url(link, hosts, base_url=service.base_url, embedded=embedded, seen_at=at)
    return await _get(service, at, until, max_bytes)


async def _get(service: Transport, url: httpx.URL, until: float, max_bytes: int) -> RawResponse:
    exchange = Exchange(max_bytes)
    context = await get_tls_context(str(url))
    seconds = max(until - anyio.current_time(), 0.0)
    with anyio.move_on_after(seconds):
        # A new client for each host and redirect: no connection, cookie or header is carried over.
        async with build_client(str(url), context, service.app) as client:
            timeout = build_timeouts(service.deadlines, seconds)
            request = client.build_request("GET", url, headers=_HEADERS, timeout=timeout)
            with exchange.record_errors():
                await exchange.receive(await client.send(request, stream=True, follow_redirects=False))
    return exchange.result()


def _read_image(response: RawResponse) -> Image:
    if error := _find_error(response):
        raise error
    data = bytes(response.body)
    if (detected := detect_image_format(data)) is None:
        raise ImageRefused(ImageRefusedReason.TYPE)
    return Image(data, MEDIA_TYPES[detected])


def _find_error(response: RawResponse) -> ApiframeError | None:
    """Return why a response is not an image. The host's own text is left out: it would not help a user."""
    status = response.status
    if status == 200:
        if response.incomplete is OutcomeUnknownReason.TOO_LARGE:
            return ImageRefused(ImageRefusedReason.SIZE)
        return OutcomeUnknown(reason=response.incomplete, status=status) if response.incomplete else None
    if status == 429:
        return RateLimited(retry_after=read_retry_after(response.headers))
    if 300 <= status < 500 and status != 408:
        return NotFound(status=status) if status in (404, 410) else Refused(status=status)
    reason = OutcomeUnknownReason.SERVER_ERROR if status >= 500 else OutcomeUnknownReason.ODD_STATUS
    return OutcomeUnknown(reason=reason, status=status)
