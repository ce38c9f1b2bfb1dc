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
    }
    if app is not None:
        settings["transport"] = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        return httpx.AsyncClient(**settings)
    # ImportError: a SOCKS proxy without the package that httpx wants for it.
    except (ValueError, ImportError, httpx.InvalidURL):
        pass
    raise BaseUrlUnusable(BaseUrlProblem.PROXY)
