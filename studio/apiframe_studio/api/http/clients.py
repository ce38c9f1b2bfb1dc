"""How httpx is set up: certificates, proxies, cookies and logging."""

from __future__ import annotations

import logging
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

import httpx

from apiframe_studio.api.errors import BaseUrlProblem, InvalidBaseUrl
from apiframe_studio.api.urls import is_loopback_url

if TYPE_CHECKING:
    import ssl

    from starlette.types import ASGIApp

MAX_CONNECTIONS: Final = 10
KEEPALIVE_SECONDS: Final = 30.0

# httpx logs reason phrases and response headers unchanged: untrusted text, which may echo secrets. No log level
# of the program may turn that on.
for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def build_client(url: str, context: ssl.SSLContext, app: ASGIApp | None) -> httpx.AsyncClient:
    """Return a client for the host of `url`, or for `app` in its place. It keeps no cookies.

    The environment's proxies are used, except for this machine, which no proxy reaches.

    Raises:
        InvalidBaseUrl: those proxies cannot be used.
    """
    settings: dict[str, Any] = {
        "verify": context,
        "trust_env": not is_loopback_url(url),
        "limits": httpx.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_SECONDS),
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        "event_hooks": {"response": [_hide_location]},
    }
    if app is not None:
        settings["transport"] = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        return httpx.AsyncClient(**settings)
    # ImportError: a SOCKS proxy without the package that httpx needs for it.
    except (ValueError, ImportError, httpx.InvalidURL):
        pass
    raise InvalidBaseUrl(BaseUrlProblem.PROXY)


async def _hide_location(response: httpx.Response) -> None:
    # httpx prepares the request of a redirect even if it must not follow it. A Location that is not a URL then
    # raises and hides a response that says clearly that nothing was bought.
    if "location" in response.headers:
        response.extensions["location"] = response.headers.pop("location")


def restore_location(response: httpx.Response) -> None:
    """Give a response back its Location header, once httpx has returned it."""
    if "location" in response.extensions:
        response.headers["location"] = response.extensions["location"]
