"""Where images may be fetched from. A link comes from the service, so it is untrusted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import httpx

from apiframe_studio.api.errors import ImageRefused, ImageRefusedReason
from apiframe_studio.api.urls import is_loopback_url, parse_address
from apiframe_studio.sanitize import sanitize_text

_MAX_URL_LENGTH: Final = 2048
_MAX_SHOWN: Final = 100
_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def check_image_url(
    link: str,
    hosts: Sequence[str],
    *,
    base_url: str,
    embedded: bool = False,
    seen_at: httpx.URL | None = None,
) -> httpx.URL:
    """Return the address that `link` leads to; that of a redirect is resolved against `seen_at`.

    It is checked as httpx parses it, so that a second parser cannot disagree. A service at `base_url` may serve
    images itself when it is on this machine or `embedded` in this program.

    Raises:
        ImageRefused: SCHEME or HOST.
    """
    url = _parse(link, seen_at)
    if url is None or url.userinfo:
        raise ImageRefused(ImageRefusedReason.HOST)
    if url.scheme not in ("http", "https"):
        raise ImageRefused(ImageRefusedReason.SCHEME)
    service_is_local = embedded or is_loopback_url(base_url)
    own = httpx.URL(base_url)
    if service_is_local and (url.scheme, url.netloc) == (own.scheme, own.netloc):
        return url
    location = url.netloc.decode("ascii")
    if not _is_allowed(url.host, location, hosts):
        raise ImageRefused(ImageRefusedReason.HOST, sanitize_text(location, _MAX_SHOWN))
    if url.scheme == "http" and not (service_is_local and is_loopback_url(str(url))):
        raise ImageRefused(ImageRefusedReason.SCHEME, sanitize_text(location, _MAX_SHOWN))
    return url


def _parse(link: str, seen_at: httpx.URL | None) -> httpx.URL | None:
    if len(link) > _MAX_URL_LENGTH:
        return None
    try:
        url = httpx.URL(link) if seen_at is None else seen_at.join(link)
        # A bad punycode label is found only when the host is read, and then it is a UnicodeError.
        return url if url.host else None
    except (httpx.InvalidURL, ValueError):
        return None


def _is_allowed(host: str, location: str, hosts: Sequence[str]) -> bool:
    is_address = parse_address(host) is not None
    if not is_address and not _NAME.fullmatch(location.partition(":")[0]):
        return False
    entries = [entry.strip().lower() for entry in hosts]
    suffixes = () if is_address else tuple(entry for entry in entries if entry.startswith("."))
    return location in entries or f".{location}".endswith(suffixes)
