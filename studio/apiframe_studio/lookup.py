"""Find out from listings of the service what became of a training with an unknown outcome."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from apiframe_studio.api.provider import Kind, Marker, Provider, TrainingCall
from apiframe_studio.clock import Clock
from apiframe_studio.ledger import Answer, Ledger, Submission
from apiframe_studio.ledger.absence import LOOK_SECONDS, is_absent, is_deleted_if_found, may_look
from apiframe_studio.ledger.states import Event, State

MAX_REMEMBERED: Final = 1_000


@dataclass(frozen=True)
class Lookup:
    """What a listing showed. `candidates` are ids of trainings that may be the one; only the user can tell."""

    row: Submission
    candidates: tuple[str, ...] = ()
    found_twice: bool = False
    """Whether the service has it twice. The newer one is in the ledger as another training."""
    is_absent: bool = False
    """Whether it was most likely not accepted, by every rule and by the credits."""
    credits_before: float | None = None
    credits_now: float | None = None
    is_unexplained: bool = False
    """Whether more credits are gone than this ledger has spent since."""


class Lookups:
    """Searches for trainings at a service that can list them: for each no more often than every ten seconds."""

    def __init__(self, ledger: Ledger, clock: Clock, *, can_find: bool) -> None:
        self._ledger = ledger
        self._clock = clock
        self._can_find = can_find
        self._latest: OrderedDict[str, tuple[float, Lookup]] = OrderedDict()

    def can_look(self, row: Submission) -> bool:
        """Whether listings can show what became of this submission."""
        is_unclear = row.state is State.UNCONFIRMED or is_deleted_if_found(row)
        return self._can_find and is_unclear and row.attempt > 0 and row.kind is Kind.TRAINING

    async def look(self, api: Provider, row: Submission) -> Lookup:
        """Look for a training, and record what was found, or that it was not.

        Raises:
            ApiframeError: the service could not be asked.
            LedgerError: what was found could not be recorded.
        """
        known = self._latest.get(row.ref)
        is_recent = known is not None and self._clock.monotonic() - known[0] < LOOK_SECONDS
        if known is not None and (is_recent or not may_look(row, self._clock.now())):
            return known[1]
        if not may_look(row, self._clock.now()):
            return await self._add_credits(api, row, Lookup(row))
        looked = await self._look(api, row)
        self._latest[row.ref] = (self._clock.monotonic(), looked)
        if len(self._latest) > MAX_REMEMBERED:
            self._latest.popitem(last=False)
        return looked

    async def _look(self, api: Provider, row: Submission) -> Lookup:
        facts = row.provider_facts
        marker = Marker(row.ref, await self._ledger.installation(), row.attempt)
        search = await api.find(
            TrainingCall(marker=marker), facts.sent_at_service or row.sent_at or row.created_at
        )
        # What an earlier attempt became is a training too, which was paid for.
        for other in (*search.other_attempts, *search.found[1:]):
            await self._record(row, -1, other.task_id)
        if search.found:
            found = await self._record(row, row.attempt, search.found[0].task_id)
            return Lookup(found or row, found_twice=len(search.found) > 1)
        if search.is_complete:
            row = await self._ledger.note_absence(row.ref, row.attempt, self._clock.now()) or row
        candidates = tuple(one.task_id for one in search.candidates if one.task_id)
        return await self._add_credits(api, row, Lookup(row, candidates))

    async def _record(self, row: Submission, attempt: int, task_id: str | None) -> Submission | None:
        answer = Answer(task_id=task_id)
        return await self._ledger.record_response(row.ref, attempt, Event.ACCEPTED, answer, self._clock.now())

    async def _add_credits(self, api: Provider, row: Submission, lookup: Lookup) -> Lookup:
        """Add what the credits say, once the listings alone would call it absent."""
        if row.state is not State.UNCONFIRMED or not is_absent(row):
            return lookup
        before, now = row.provider_facts.credits_before, (await api.account()).credits
        spent = await self._ledger.spent_since(row.ref, row.sent_at or row.created_at)
        is_explained = before is not None and now is not None and now >= before - spent
        return Lookup(
            row,
            lookup.candidates,
            is_absent=is_explained,
            credits_before=before,
            credits_now=now,
            is_unexplained=before is not None and now is not None and not is_explained,
        )
