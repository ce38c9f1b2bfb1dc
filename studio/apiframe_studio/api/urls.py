"""URLs, without fetching them: base URLs in their normal form, which are on this machine, and links of images."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from apiframe_studio.api.errors import BaseUrlProblem, InvalidBaseUrl
from apiframe_studio.sanitize import sanitize_text

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_BASE_URL_LENGTH: Final = 500
_MAX_IMAGE_URL_LENGTH: Final = 2048
_MAX_IMAGE_URLS: Final = 20


def normalize_base_url(text: str) -> str:
    """Return the normal form of a base URL: lower-case scheme and host, no default port, no trailing slash.

    Raises:
        InvalidBaseUrl: nothing can be sent there. The error does not repeat the URL.
    """
    parts = split_url(text)
    problem = BaseUrlProblem.NOT_A_URL if parts is None else _find_problem(text, parts)
    if parts is None or problem is not None:
        raise InvalidBaseUrl(problem or BaseUrlProblem.NOT_A_URL)
    host = parts.hostname or ""
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    address = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{address}{port}{parts.path.rstrip('/')}"


def require_https(base_url: str) -> None:
    """Refuse a valid base URL to which a key would be sent in clear text.

    Raises:
        InvalidBaseUrl: it is plain http and leads to another machine.
    """
    if urlsplit(base_url).scheme == "http" and not is_loopback_url(base_url):
        raise InvalidBaseUrl(BaseUrlProblem.PLAIN_HTTP)


def is_loopback_url(base_url: str) -> bool:
    """Whether a valid base URL names the loopback interface, which no proxy reaches."""
    return is_loopback(urlsplit(base_url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host, as written, is this machine. No name is looked up; `.localhost` is reserved for it."""
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = parse_address(host)
    return address is not None and address.is_loopback


def parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a host is, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def split_url(text: str) -> SplitResult | None:
    """Return the parts of a URL of visible ASCII characters with a valid port, or None."""
    if not all("!" <= character <= "~" for character in text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def keep_web_urls(values: Sequence[object]) -> tuple[str, ...]:
    """Return the http(s) URLs among the first 20 values that can be shown unchanged."""
    return tuple(url for url in values[:_MAX_IMAGE_URLS] if isinstance(url, str) and _is_web_url(url))


def _is_web_url(url: str) -> bool:
    ordinary = (
        len(url) <= _MAX_IMAGE_URL_LENGTH
        and sanitize_text(url, _MAX_IMAGE_URL_LENGTH) == url
        and " " not in url
    )
    return ordinary and url.lower().startswith(("https://", "http://"))


def _find_problem(text: str, parts: SplitResult) -> BaseUrlProblem | None:
    if len(text) >= _MAX_BASE_URL_LENGTH or "\\" in text:
        return BaseUrlProblem.NOT_A_URL
    if not parts.scheme or not parts.netloc:
        return BaseUrlProblem.NOT_A_URL
    if parts.scheme not in _DEFAULT_PORTS:
        return BaseUrlProblem.SCHEME
    if "@" in parts.netloc:
        return BaseUrlProblem.CREDENTIALS
    if "?" in text or "#" in text:
        return BaseUrlProblem.QUERY
    return None if parts.hostname else BaseUrlProblem.NOT_A_URL
