"""What a transport error proves: that nothing was sent, or nothing at all."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import cast

import anyio
import httpx

from apiframe_studio.api.errors import NotSentReason, OutcomeUnknownReason

TRANSPORT_ERRORS = (
    httpx.HTTPError,
    httpx.StreamError,
    OSError,
    EOFError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)
"""Everything that a broken connection was seen to raise through httpx 0.28.1 and the layers below it."""


def classify_transport_error(error: BaseException) -> NotSentReason | OutcomeUnknownReason:
    """Return why nothing was sent or, when something may have been, what came instead of a response.

    httpx raises ConnectError, ConnectTimeout, PoolTimeout and ProxyError (the proxy refused CONNECT) before
    it writes the first byte of the request, and never afterwards.
    """
    match error:
        case httpx.ConnectTimeout():
            return NotSentReason.TIMEOUT
        case httpx.PoolTimeout():
            return NotSentReason.BUSY
        case httpx.ProxyError():
            return NotSentReason.PROXY
        case httpx.ConnectError():
            return _find_connect_reason(error)
        case httpx.TimeoutException():
            return OutcomeUnknownReason.TIMEOUT
        case _:
            return OutcomeUnknownReason.CUT_OFF


def _find_connect_reason(error: BaseException) -> NotSentReason:
    for cause in _iterate_causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return NotSentReason.CERTIFICATE
            case ssl.SSLError() | EOFError() | anyio.EndOfStream() | anyio.BrokenResourceError():
                return NotSentReason.TLS
            case socket.gaierror():
                return NotSentReason.DNS
            case ConnectionRefusedError():
                return NotSentReason.REFUSED
            case _:
                pass
    return NotSentReason.UNREACHABLE


def _iterate_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it; a host with several addresses fails with a group of errors."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cast("BaseExceptionGroup[BaseException]", cause).exceptions
