"""The base URL of the service: what can be used, and in which one form it is remembered."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from apiframe_studio.api.errors import BaseUrlProblem, BaseUrlUnusable

_DEFAULT_PORTS = {"http": 80, "https": 443}


def usable_base_url(text: str) -> str:
    """Return the one form of a base URL: lower-case scheme and host, no default port, no trailing slash.

    Raises:
        BaseUrlUnusable: nothing can be sent there. The error does not repeat the URL.
    """
    parts = _split(text)
    problem = BaseUrlProblem.NOT_A_URL if parts is None else _problem(text, parts)
    if parts is None or problem is not None:
        raise BaseUrlUnusable(problem or BaseUrlProblem.NOT_A_URL)
    host = parts.hostname or ""
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    address = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{address}{port}{parts.path.rstrip('/')}"


def check_not_in_clear(base_url: str) -> None:
    """Refuse a usable base URL to which a key would go in clear text.

    Raises:
        BaseUrlUnusable: it is plain http and leads beyond this machine.
    """
    if urlsplit(base_url).scheme == "http" and not leads_to_this_machine(base_url):
        raise BaseUrlUnusable(BaseUrlProblem.PLAIN_HTTP)


def leads_to_this_machine(base_url: str) -> bool:
    """Whether a usable base URL names the loopback interface, to which no proxy leads."""
    return is_loopback(urlsplit(base_url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host, as written, is this machine alone. No name is looked up; .localhost is reserved for it."""
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _problem(text: str, parts: SplitResult) -> BaseUrlProblem | None:
    ordinary = len(text) < 500 and all("!" <= character <= "~" for character in text)
    if not ordinary or "\\" in text:
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
