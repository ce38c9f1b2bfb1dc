"""Certificates are checked against the system's trust store, so a company's own certificates just work."""

from __future__ import annotations

import ssl
import threading
from functools import cache

from apiframe_studio.file_threads import in_file_thread

_building = threading.Lock()
_shared: ssl.SSLContext | None = None


async def get_tls_context(url: str) -> ssl.SSLContext:
    """Return the process's one context, built off the event loop when it is first needed.

    For http it is an empty one, which trusts nothing: loading certificates that are not used costs 20 ms.
    """
    if url.startswith("http://"):
        return _empty_context()
    # Once it is built no thread is needed: a disk that hangs may hold them all.
    return await in_file_thread(_build_once) if _shared is None else _shared


@cache
def _empty_context() -> ssl.SSLContext:
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
