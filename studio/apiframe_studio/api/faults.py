"""What a fault of the wire proves: that nothing left, or nothing at all."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import cast

import anyio
import httpx

from apiframe_studio.api.errors import NotSentBecause, UnclearBecause

WIRE_FAULTS = (
    httpx.HTTPError,
    httpx.StreamError,
    OSError,
    EOFError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)
"""Everything that a broken wire was seen to raise through httpx 0.28.1 and the layers below it."""


def meaning_of(fault: BaseException) -> NotSentBecause | UnclearBecause:
    """Return why nothing was sent, or, when anything may have been, what was seen instead of an answer.

    httpx raises ConnectError, ConnectTimeout, PoolTimeout and ProxyError (the proxy refused CONNECT) before
    the first byte of the request is written, and never afterwards.
    """
    match fault:
        case httpx.ConnectTimeout():
            return NotSentBecause.TIMEOUT
        case httpx.PoolTimeout():
            return NotSentBecause.BUSY
        case httpx.ProxyError():
            return NotSentBecause.PROXY
        case httpx.ConnectError():
            return _why_no_connection(fault)
        case httpx.TimeoutException():
            return UnclearBecause.TIMEOUT
        case _:
            return UnclearBecause.CUT_OFF


def _why_no_connection(fault: BaseException) -> NotSentBecause:
    for cause in _causes(fault):
        match cause:
            case ssl.SSLCertVerificationError():
                return NotSentBecause.CERTIFICATE
            case ssl.SSLError() | EOFError() | anyio.EndOfStream() | anyio.BrokenResourceError():
                return NotSentBecause.TLS
            case socket.gaierror():
                return NotSentBecause.DNS
            case ConnectionRefusedError():
                return NotSentBecause.REFUSED
            case _:
                pass
    return NotSentBecause.UNREACHABLE


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """Yield what lies under a fault; a host with several addresses fails with a group of them."""
    waiting: list[BaseException | None] = [fault]
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
