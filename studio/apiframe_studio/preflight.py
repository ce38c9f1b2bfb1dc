"""Free checks before photos are sent with a training: the key, the credits, and the places of the team.

A photo set is tens of megabytes, so what the service would refuse afterwards is found out before. Where any of the
checks fails, nothing is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from apiframe_studio.api.errors import InvalidKey
from apiframe_studio.api.keys import KeyProblem
from apiframe_studio.api.provider import Account, Provider, Search, Terms, TrainingCall
from apiframe_studio.clock import Clock
from apiframe_studio.errors import NoPlaceFree, NotEnoughCredits
from apiframe_studio.service_time import ServiceTime

KEPT_SECONDS: Final = 60.0
"""How long answers are used again: in the 2026 protocol a call comes twice, with the user's answer in between."""


@dataclass(frozen=True)
class Cleared:
    """What the service said before a training is sent, and when (monotonic)."""

    account: Account
    search: Search
    at: float


class Preflight:
    """Asks the service before a training is sent, at most once a minute for the same attempt."""

    def __init__(self, terms: Terms, clock: Clock, time: ServiceTime) -> None:
        self._terms = terms
        self._clock = clock
        self._time = time
        self._latest: dict[str, Cleared] = {}

    async def check(self, api: Provider, call: TrainingCall, needed: float) -> Cleared:
        """Check that the service would take this training, of `needed` credits, now.

        Raises:
            InvalidKey: it belongs to no team.
            NotEnoughCredits, NoPlaceFree: it would not.
            ApiframeError: the key was refused, or the service could not be asked.
        """
        cleared = await self._ask(api, call)
        if cleared.account.lacks_team:
            raise InvalidKey(KeyProblem.NO_TEAM)
        if cleared.account.credits is not None and cleared.account.credits < needed:
            raise NotEnoughCredits(needed, cleared.account.credits)
        places = self._terms.trainings_at_once
        if places is not None and cleared.search.trainings_under_way >= places:
            raise NoPlaceFree(cleared.search.trainings_under_way)
        return cleared

    def drop(self) -> None:
        """Ask again next time: a paid request changes both answers."""
        self._latest.clear()

    async def _ask(self, api: Provider, call: TrainingCall) -> Cleared:
        now = self._clock.monotonic()
        of_attempt = str(call.marker)
        known = self._latest.get(of_attempt)
        if known is not None and now - known.at < KEPT_SECONDS:
            return known
        account = await api.account()
        search = await api.find(call, self._time.now() or self._clock.now())
        self._latest = {of_attempt: Cleared(account, search, now)}
        return self._latest[of_attempt]
