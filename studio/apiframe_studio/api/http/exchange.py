"""What comes back of one request, kept however it ends."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import httpx

from apiframe_studio.api.errors import NotSent, NotSentReason, OutcomeUnknown, OutcomeUnknownReason
from apiframe_studio.api.http.clients import restore_location
from apiframe_studio.api.http.responses import RawResponse
from apiframe_studio.api.http.transport_errors import TRANSPORT_ERRORS, classify_transport_error


class Exchange:
    """Receives a response. Kept outside the deadline's scope, so that a response in time is never lost.

    Reading stops before there are more than `max_body` bytes.
    """

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._response: RawResponse | None = None
        self._error: NotSentReason | OutcomeUnknownReason = OutcomeUnknownReason.TIMEOUT

    @contextmanager
    def record_errors(self) -> Generator[None]:
        """Keep a transport error, for `result` to raise or to add to what came before it."""
        try:
            yield
        except TRANSPORT_ERRORS as error:
            self._error = classify_transport_error(error)

    async def receive(self, response: httpx.Response) -> None:
        """Keep a response, and its body as far as it comes."""
        restore_location(response)
        line = f"{response.http_version} {response.status_code} {response.reason_phrase}"
        body = bytearray()
        raw = RawResponse(response.status_code, line, response.headers, body, OutcomeUnknownReason.TIMEOUT)
        self._response = raw
        try:
            async for chunk in response.aiter_raw():
                if len(body) + len(chunk) > self._max_body:
                    self._error = OutcomeUnknownReason.TOO_LARGE
                    return
                body += chunk
            raw.incomplete = None
        finally:
            await response.aclose()

    def result(self) -> RawResponse:
        """Return what came, at least a status line.

        Raises:
            NotSent: nothing left.
            OutcomeUnknown: it may have left, and not even a status line came back.
        """
        error = self._error
        if self._response is None:
            raise NotSent(error) if isinstance(error, NotSentReason) else OutcomeUnknown(reason=error)
        if self._response.incomplete:
            reason = OutcomeUnknownReason.CUT_OFF if isinstance(error, NotSentReason) else error
            self._response.incomplete = reason
        return self._response
