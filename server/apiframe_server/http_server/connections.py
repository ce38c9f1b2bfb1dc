"""Limits of a connection for what uvicorn does not limit: requests whose headers are slow, large, or never come.

The base class parses with httptools if it is installed, else with h11.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from apiframe_server.http_server.limits import Limits

    _Base = asyncio.Protocol
else:
    _Base = object


class _HeadLimit(_Base):
    """Closes a connection on which no request, or only a part of its head, has arrived in time.

    The same limits apply to the rest of a body that was answered without being read.
    """

    limits: ClassVar[Limits]
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    cycle: Any

    _timer: asyncio.TimerHandle | None = None
    _waiting_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_answering():
            self._stop_timer()
            return
        self._start_timer()
        self._waiting_bytes += 0 if self._discards_body() else len(data)
        if self._waiting_bytes > self.limits.head_bytes:
            self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _discards_body(self) -> bool:
        return self.cycle is not None and bool(self.cycle.more_body)

    def _start_timer(self) -> None:
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self.limits.head_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        self._waiting_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def limited_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """The class of uvicorn's connections, with these limits."""
    return type("LimitedConnection", (_HeadLimit, _fastest_protocol()), {"limits": limits})


def _fastest_protocol() -> type[asyncio.Protocol]:
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        return H11Protocol

    class TrimmingProtocol(HttpToolsProtocol):
        """Removes the blanks around the value of a header, as h11 does: they do not belong to it (RFC 9110, 5.5)."""

        def on_header(self, name: bytes, value: bytes) -> None:
            super().on_header(name, value.strip(b" \t"))

    return TrimmingProtocol
