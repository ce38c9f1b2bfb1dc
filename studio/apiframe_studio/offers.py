"""Prices that the user can agree to with one click, each for exactly one request.

Offers are in memory only: after a restart the price has to be asked for again. That a request is paid for at most once
does not depend on them, but on the ledger.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import anyio

from apiframe_studio.clock import Clock
from apiframe_studio.images import ImageRequest
from apiframe_studio.photo_sets import PhotoSetRequest
from apiframe_studio.training_sources import TrainingRequest

OFFER_SECONDS: Final = 300.0
MAX_OFFERS: Final = 50
MAX_WAIT_SECONDS: Final = 15.0
_TICKET_BYTES: Final = 32

Payable: TypeAlias = TrainingRequest | ImageRequest | PhotoSetRequest
"""A request that names exactly what would be paid for, and in `max_credits` the price."""


@dataclass
class Offer:
    """The price of a request, valid until then (seconds since 1970, UTC) and for one call."""

    request: Payable
    valid_until: float
    _is_used: bool = False
    _answered: anyio.Event = field(default_factory=anyio.Event)

    def take(self, now: float, *, to_pay: bool = True) -> bool:
        """Use the offer up. True for at most one caller, and only while it is valid: that one may pay."""
        is_first, self._is_used = not self._is_used, True
        may_pay = is_first and to_pay and now < self.valid_until
        if is_first and not may_pay:
            self.finish()
        return may_pay

    def finish(self) -> None:
        """The call that used it up has its result."""
        self._answered.set()

    async def wait(self) -> None:
        """Wait for the call that used it up, for a bounded time."""
        with anyio.move_on_after(MAX_WAIT_SECONDS):
            await self._answered.wait()


class Offers:
    """The offers of one studio, hence of one owner and key, by tickets that cannot be guessed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offers: dict[str, Offer] = {}

    def add(self, request: Payable) -> tuple[str, Offer]:
        """Offer this request; returns the ticket. The oldest offer goes when there are too many."""
        if len(self._offers) >= MAX_OFFERS:
            del self._offers[next(iter(self._offers))]
        ticket = secrets.token_urlsafe(_TICKET_BYTES)
        offer = self._offers[ticket] = Offer(request, self._clock.now() + OFFER_SECONDS)
        return ticket, offer

    def find(self, ticket: str) -> Offer | None:
        """The offer with this ticket, also if it is used up or no longer valid; None if it is not known here."""
        return self._offers.get(ticket)

    def clear(self) -> None:
        """Drop every offer, with the names and prompts in them."""
        self._offers.clear()
