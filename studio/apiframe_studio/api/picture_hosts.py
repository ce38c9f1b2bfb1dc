"""Where pictures may be fetched from. A link is a stranger's word, and following it must lead nowhere else."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

import httpx

from apiframe_studio.api.errors import PictureRefused, PictureRefusedBecause
from apiframe_studio.api.urls import leads_to_this_machine
from apiframe_studio.strangers import plain

_LONGEST_LINK = 2048
_LONGEST_SHOWN = 100
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def permitted(
    link: str,
    hosts: Sequence[str],
    *,
    base_url: str,
    embedded: bool = False,
    seen_at: httpx.URL | None = None,
) -> httpx.URL:
    """Return the address that `link` leads to; a redirect's is read from the address it was `seen_at`.

    It is judged as the HTTP library reads it, so that no second way of reading leads anywhere else. The
    service at `base_url` may serve pictures itself when it is on this machine or `embedded` in this program.

    Raises:
        PictureRefused: SCHEME or HOST.
    """
    url = _read(link, seen_at)
    if url is None or url.userinfo:
        raise PictureRefused(PictureRefusedBecause.HOST)
    if url.scheme not in ("http", "https"):
        raise PictureRefused(PictureRefusedBecause.SCHEME)
    service_is_local = embedded or leads_to_this_machine(base_url)
    if service_is_local and _origin(url) == _origin(httpx.URL(base_url)):
        return url
    place = url.netloc.decode("ascii")
    if not _is_allowed(url.host, place, hosts):
        raise PictureRefused(PictureRefusedBecause.HOST, plain(place, _LONGEST_SHOWN))
    if url.scheme == "http" and not (service_is_local and leads_to_this_machine(str(url))):
        raise PictureRefused(PictureRefusedBecause.SCHEME, plain(place, _LONGEST_SHOWN))
    return url


def _read(link: str, seen_at: httpx.URL | None) -> httpx.URL | None:
    if len(link) > _LONGEST_LINK:
        return None
    try:
        url = httpx.URL(link) if seen_at is None else seen_at.join(link)
        # A bad punycode label is found only when the host is asked for, and then it is a UnicodeError.
        return url if url.host else None
    except (httpx.InvalidURL, ValueError):
        return None


def _origin(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc


def _is_allowed(host: str, place: str, hosts: Sequence[str]) -> bool:
    is_address = _is_address(host)
    if not is_address and not _NAME.fullmatch(place.partition(":")[0]):
        return False
    return any(_matches(place, entry.strip().lower(), by_suffix=not is_address) for entry in hosts)


def _matches(place: str, entry: str, *, by_suffix: bool) -> bool:
    if by_suffix and entry.startswith("."):
        return place == entry[1:] or place.endswith(entry)
    return place == entry


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
