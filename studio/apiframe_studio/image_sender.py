"""Send an image generation once, and again under its idempotency key while its outcome is unknown.

If the process dies on any line here, the ledger has INTENT (nothing was sent), or SENDING, which becomes UNCONFIRMED.
The same request under the same key is the same job at the service, so repeating it pays at most once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.provider import Accepted, ImageCall, Kind, Provider
from apiframe_studio.core import Core
from apiframe_studio.ledger import Answer, ProviderFacts, Submission
from apiframe_studio.ledger.states import Event, State

DEADLINE_SECONDS: Final = 120.0
REPEAT_AFTER_SECONDS: Final = (1.0, 4.0)
"""The pauses before the repeats within one call."""


class ImageSender:
    """Brings a generation from INTENT or UNCONFIRMED as far as the service lets it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def can_repeat(self) -> bool:
        """Whether the service takes an idempotency key with a generation."""
        return Kind.GENERATION in self._core.terms.idempotent

    async def send(self, row: Submission, call: ImageCall, max_credits: float | None = None) -> Submission:
        """Send it, or repeat it while its outcome is unknown. Returns the row. Raises as `Submitter.send`."""
        core = self._core
        api = await core.provider()
        install = await core.ledger.installation() if self.can_repeat else ""

        def send_once(sending: Submission) -> Awaitable[Accepted]:
            key = f"apm-{install}-{sending.ref}-{sending.attempt}" if self.can_repeat else None
            return api.generate(replace(call, idempotency_key=key), deadline_seconds=DEADLINE_SECONDS)

        pauses: Sequence[float] = REPEAT_AFTER_SECONDS
        if row.state is State.INTENT:
            facts = ProviderFacts()
            if core.terms.can_find:
                facts = ProviderFacts(
                    team_id=core.ledger.team_id, sent_at_service=core.service_time.now() or core.clock.now()
                )
            sent = await core.submitter.send(
                row,
                send_once,
                deadline_seconds=DEADLINE_SECONDS,
                facts=facts,
                max_credits=max_credits,
            )
            row = sent.row
        else:
            pauses = (0.0, *pauses)
        for pause in pauses if self.can_repeat else ():
            if row.state is not State.UNCONFIRMED:
                return row
            await core.clock.sleep(pause)
            row = (await core.submitter.repeat(row, send_once, deadline_seconds=DEADLINE_SECONDS)).row
        if row.state is State.UNCONFIRMED and core.terms.can_find and row.forgotten_at is None:
            with suppress(ApiframeError):
                return await self._find(api, row, call)
        return row

    async def _find(self, api: Provider, row: Submission, call: ImageCall) -> Submission:
        """Look for the job where a repeat does not help: the oldest one that this ledger does not have is it."""
        now = self._core.clock.now()
        since = row.provider_facts.sent_at_service or row.sent_at or row.created_at
        for job in (await api.find(call, since)).found:
            if job.task_id and await self._core.ledger.find(job.task_id, now) is None:
                found = Answer(task_id=job.task_id)
                accepted = await self._core.ledger.record_response(
                    row.ref, row.attempt, Event.ACCEPTED, found, now
                )
                return accepted or row
        return row
