"""How this package uses the HTTP library: what its clients trust, remember and log."""

from __future__ import annotations

import logging
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import httpx

from apiframe_studio.api.errors import BaseUrlProblem, BaseUrlUnusable
from apiframe_studio.api.urls import leads_to_this_machine

if TYPE_CHECKING:
    import ssl

    from starlette.types import ASGIApp

MOST_CONNECTIONS = 10
KEPT_ALIVE_SECONDS = 30.0

# The HTTP library logs reason phrases and response headers as they come: a stranger's words, in which
# secrets may be echoed. Nobody's log level may bring them up.
for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def new_client(url: str, context: ssl.SSLContext, app: ASGIApp | None) -> httpx.AsyncClient:
    """Return a client for the host of `url`, or for `app` in its place. It keeps no cookies.

    The environment's proxies are used, except for this machine, to which no proxy leads.

    Raises:
        BaseUrlUnusable: those proxies cannot be used.
    """
    settings: dict[str, Any] = {
        "verify": context,
        "trust_env": not leads_to_this_machine(url),
        "limits": httpx.Limits(max_connections=MOST_CONNECTIONS, keepalive_expiry=KEPT_ALIVE_SECONDS),
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        "event_hooks": {"response": [_set_location_aside]},
    }
    if app is not None:
        settings["transport"] = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        return httpx.AsyncClient(**settings)
    # ImportError: a SOCKS proxy without the package that httpx wants for it.
    except (ValueError, ImportError, httpx.InvalidURL):
        pass
    raise BaseUrlUnusable(BaseUrlProblem.PROXY)


async def _set_location_aside(response: httpx.Response) -> None:
    # The library prepares the request for a redirect even when it is told not to follow it. A Location that
    # is no URL then raises, in place of an answer that says clearly that nothing was bought.
    if "location" in response.headers:
        response.extensions["location"] = response.headers.pop("location")


def put_location_back(response: httpx.Response) -> None:
    """Give an answer back the header that it came with, once the library has let go of it."""
    if "location" in response.extensions:
        response.headers["location"] = response.extensions["location"]
