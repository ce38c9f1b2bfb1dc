"""Sending one request once, and keeping whatever came back of its response."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from apiframe_studio.api.errors import NotSent, NotSentReason, OutcomeUnknown, OutcomeUnknownReason
from apiframe_studio.api.http.clients import restore_location
from apiframe_studio.api.http.responses import RawResponse
from apiframe_studio.api.http.transport_errors import TRANSPORT_ERRORS, classify_transport_error


@dataclass
class PartialResponse:
    """What has come so far. Kept outside the deadline's scope, so that a response in time is never lost."""

    max_body: int
    """Bytes; reading stops before there are more."""
    response: httpx.Response | None = None
    body: bytearray = field(default_factory=bytearray, repr=False)
    is_complete: bool = False
    error: NotSentReason | OutcomeUnknownReason = OutcomeUnknownReason.TIMEOUT

    def result(self) -> RawResponse:
        """Return what came, at least a status line.

        Raises:
            NotSent: nothing left.
            OutcomeUnknown: it may have left, and not even a status line came back.
        """
        if self.response is None:
            if isinstance(self.error, NotSentReason):
                raise NotSent(self.error)
            raise OutcomeUnknown(reason=self.error)
        error = OutcomeUnknownReason.CUT_OFF if isinstance(self.error, NotSentReason) else self.error
        line = f"{self.response.http_version} {self.response.status_code} {self.response.reason_phrase}"
        incomplete = None if self.is_complete else error
        return RawResponse(
            self.response.status_code, line, self.response.headers, bytes(self.body), incomplete
        )


async def send_once(client: httpx.AsyncClient, request: httpx.Request, partial: PartialResponse) -> None:
    """Send `request` once and put what comes back into `partial`, a transport error included."""
    try:
        partial.response = await client.send(request, stream=True, follow_redirects=False)
        restore_location(partial.response)
        try:
            await _read_body(partial.response, partial)
        finally:
            await partial.response.aclose()
    except TRANSPORT_ERRORS as error:
        partial.error = classify_transport_error(error)


async def _read_body(response: httpx.Response, partial: PartialResponse) -> None:
    async for chunk in response.aiter_raw():
        if len(partial.body) + len(chunk) > partial.max_body:
            partial.error = OutcomeUnknownReason.TOO_LARGE
            return
        partial.body += chunk
    partial.is_complete = True
