"""Follow the trainings that were started from this machine, and have the user notified when one ends.

It is a job of the program that runs only while there is something to follow. A round is at most one shared status
check, and of all programs on one ledger one makes it. That an end is reported is recorded before the user is notified:
so one program notifies, and one that dies in between leaves it at that.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Protocol

import anyio

from apiframe_studio.api.errors import ApiframeError, InvalidBaseUrl, InvalidKey
from apiframe_studio.core import Core
from apiframe_studio.ledger import Kind, Submission
from apiframe_studio.ledger.errors import LedgerError
from apiframe_studio.ledger.states import ENDED, UNDER_WAY, State
from apiframe_studio.notes import TO_REPORT, has_note, remove_note, write_note
from apiframe_studio.training import Training

ROUND_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 61.0
"""A little more than a round: the clock that rounds are counted by may be set back a little meanwhile."""
MAX_PAUSE_SECONDS: Final = 15 * 60.0
DAY_SECONDS: Final = 24 * 3600.0
FOLLOWED_SECONDS: Final = 7 * DAY_SECONDS
"""How long after its start a training is followed. After a day each program checks it once."""
MISSING_SECONDS: Final = 15 * 60.0
"""How long a training is checked that the service does not show: right after the start this is often temporary."""
WORD_SECONDS: Final = 5 * 60.0
"""How long a notification waits for the trigger word of a finished training."""
SEND_SECONDS: Final = 10.0
_JOB: Final = "follow trainings"

log = logging.getLogger(__name__)


class Notifier(Protocol):
    """What shows a notification to the user."""

    async def notify(self, ended: Training) -> None:
        """Say that a training has finished or failed. May raise; it is not called again for this training."""
        ...


class Follower:
    """Follows the trainings of one studio. Without a notifier it does nothing."""

    def __init__(self, core: Core, notifier: Notifier | None) -> None:
        self._core = core
        self._notifier = notifier
        self._has_news = False
        self._failures = 0
        self._has_logged = False
        self._checked: dict[str, float] = {}
        """When this program last checked a training."""

    @property
    def is_on(self) -> bool:
        """Whether the user is notified of the end of a training."""
        return self._notifier is not None

    def will_notify(self, training: Training) -> bool:
        """Whether the user is to be notified of the end of this training: not of one that was started elsewhere."""
        return self.is_on and training.is_under_way and training.training_images_id is not None

    def begin(self, accepted: Submission | None = None) -> None:
        """Follow what is under way, in the background, unless that is being done. Costs next to nothing."""
        is_training = accepted is not None and accepted.kind is Kind.TRAINING
        if self.is_on and (is_training or has_note(self._core.ledger.path, TO_REPORT)):
            self._has_news = True
            self._core.jobs.begin(_JOB, self._follow)

    async def _follow(self) -> None:
        while self._has_news:
            # A training that is accepted from here on is not lost, although this job is about to end.
            self._has_news = False
            while pause := await self._try_round():
                await self._core.clock.sleep(pause)

    async def _try_round(self) -> float:
        """Make one round. Returns the seconds until the next, 0 when there is nothing to follow."""
        try:
            is_left = await self._round()
            self._failures = 0
        except (InvalidKey, InvalidBaseUrl):
            # Only other settings help, and they are read at the start.
            return 0.0
        except (ApiframeError, LedgerError, OSError) as error:
            self._failures += 1
            log.log(
                logging.INFO if self._has_logged else logging.WARNING,
                "Trainings cannot be followed at the moment: %r",
                error,
            )
            self._has_logged = is_left = True
        return min(PAUSE_SECONDS * 2**self._failures, MAX_PAUSE_SECONDS) if is_left else 0.0

    async def _round(self) -> bool:
        """Check what is due, and notify of what has ended. Returns whether something is left to follow."""
        core, now = self._core, self._core.clock.now()
        due = [row for row in await self._followed() if self._is_due(row)]
        if due and await core.ledger.begin_round(now, ROUND_SECONDS):
            await self._check(due)
        for row in await self._followed():
            if self._may_notify(row):
                await self._notify(row)
        if await self._followed():
            return True
        # Removed first: what another process accepts meanwhile is noted again.
        remove_note(core.ledger.path, TO_REPORT)
        is_left = bool(await self._followed())
        if is_left:
            write_note(core.ledger.path, TO_REPORT)
        return is_left

    async def _followed(self) -> Sequence[Submission]:
        ledger, now = self._core.ledger, self._core.clock.now()
        rows = await ledger.unreported(now - FOLLOWED_SECONDS)
        return [row for row in rows if ledger.can_reach(row) and self._is_followed(row, now)]

    def _is_followed(self, row: Submission, now: float) -> bool:
        if row.state in ENDED:
            return now - (row.finished_at or row.created_at) < DAY_SECONDS
        is_new = now - _accepted_at(row) < DAY_SECONDS
        may_appear = row.missing_since is None or now - row.missing_since < MISSING_SECONDS
        return (is_new and may_appear) or row.ref not in self._checked

    def _is_due(self, row: Submission) -> bool:
        """Whether it is time to check a training. Right after its start the service may not show it yet."""
        if self._core.tracker.is_awaited(row.ref):
            return False
        is_shown = self._core.clock.now() - _accepted_at(row) >= ROUND_SECONDS
        return (row.state in UNDER_WAY and is_shown) or _lacks_word(row)

    async def _check(self, due: Sequence[Submission]) -> None:
        batch = sorted(due, key=lambda row: self._checked.get(row.ref, 0.0))[: self._core.terms.status_batch]
        results = await self._core.tracker.check_together(batch)
        errors = [result for result in results if isinstance(result, ApiframeError)]
        now = self._core.clock.now()
        self._checked |= {
            row.ref: now
            for row, result in zip(batch, results, strict=True)
            if not isinstance(result, ApiframeError)
        }
        if len(errors) == len(results):
            raise errors[0]

    def _may_notify(self, row: Submission) -> bool:
        """Whether it is time to notify. A call that waits for the training reports its end by itself."""
        if row.state not in ENDED or self._core.tracker.is_awaited(row.ref):
            return False
        since = self._core.clock.now() - (row.finished_at or row.created_at)
        return since >= WORD_SECONDS or not _lacks_word(row)

    async def _notify(self, row: Submission) -> None:
        ledger, now = self._core.ledger, self._core.clock.now()
        if self._notifier is None or not await ledger.note_reported([row.ref], now):
            return
        current = await ledger.find(row.ref, now)
        if current is None or current.forgotten_at is not None:
            return
        try:
            with anyio.fail_after(SEND_SECONDS):
                await self._notifier.notify(Training.of(current))
        except Exception as error:
            log.warning("The user could not be notified of the end of %s: %r", row.ref, error)


def _accepted_at(row: Submission) -> float:
    return row.accepted_at or row.created_at


def _lacks_word(row: Submission) -> bool:
    return row.state is State.FINISHED and row.trigger_word is None
