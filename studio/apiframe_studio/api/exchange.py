"""One request carried over one client, and whatever came back of its answer."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from apiframe_studio.api.answers import Answer
from apiframe_studio.api.clients import put_location_back
from apiframe_studio.api.errors import NotSent, NotSentBecause, Unclear, UnclearBecause
from apiframe_studio.api.faults import WIRE_FAULTS, meaning_of


@dataclass
class Received:
    """What has come so far: kept outside the deadline's scope, so that an answer in time is never lost."""

    largest_body: int
    """Bytes; reading stops before there are more."""
    response: httpx.Response | None = None
    body: bytearray = field(default_factory=bytearray, repr=False)
    is_whole: bool = False
    fault: NotSentBecause | UnclearBecause = UnclearBecause.TIMEOUT

    def answer(self) -> Answer:
        """Return what came, at least a status line.

        Raises:
            NotSent: nothing left.
            Unclear: it may have left, and not even a status line came back.
        """
        if self.response is None:
            raise NotSent(self.fault) if isinstance(self.fault, NotSentBecause) else Unclear(why=self.fault)
        fault = UnclearBecause.CUT_OFF if isinstance(self.fault, NotSentBecause) else self.fault
        line = f"{self.response.http_version} {self.response.status_code} {self.response.reason_phrase}"
        broken = None if self.is_whole else fault
        return Answer(self.response.status_code, line, self.response.headers, bytes(self.body), broken)


async def carry(client: httpx.AsyncClient, request: httpx.Request, received: Received) -> None:
    """Send `request` once and put what comes back into `received`. A fault of the wire is put there too."""
    try:
        received.response = await client.send(request, stream=True, follow_redirects=False)
        put_location_back(received.response)
        try:
            await _read_body(received.response, received)
        finally:
            await received.response.aclose()
    except WIRE_FAULTS as fault:
        received.fault = meaning_of(fault)


async def _read_body(response: httpx.Response, received: Received) -> None:
    async for chunk in response.aiter_raw():
        if len(received.body) + len(chunk) > received.largest_body:
            received.fault = UnclearBecause.TOO_LARGE
            return
        received.body += chunk
    received.is_whole = True
