"""Certificates are judged by this machine's own trust store, so a company's certificates just work."""

from __future__ import annotations

import ssl
import threading
from functools import cache

from apiframe_studio.file_threads import in_file_thread

_building = threading.Lock()
_shared: ssl.SSLContext | None = None


async def tls_context(base_url: str) -> ssl.SSLContext:
    """Return the process's one context, built at the first need and off the event loop.

    For http it is an empty one, which trusts nobody: loading certificates that are not used costs 20 ms.
    """
    if base_url.startswith("http://"):
        return _trusting_nobody()
    return await in_file_thread(_build_once) if _shared is None else _shared


@cache
def _trusting_nobody() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _build_once() -> ssl.SSLContext:
    global _shared
    with _building:
        if _shared is not None:
            return _shared
        import truststore

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _shared = context
        return context
