"""Delete the trainings of forgotten subjects at the service, until none is left there.

A training is marked as to be deleted in the transaction that forgets its subject, before anything is deleted, and loses
the mark once the service does not have it. If the process dies in between, it is tried again: deleting it twice does no
harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from apiframe_studio.api.errors import ApiframeError, Refused
from apiframe_studio.api.provider import Deleted, Kind, check_status
from apiframe_studio.core import Core
from apiframe_studio.ledger import Submission
from apiframe_studio.ledger.absence import is_absent, is_deleted_if_found, was_never_complete
from apiframe_studio.ledger.states import FINAL, State
from apiframe_studio.notes import TO_DELETE, has_note, remove_note, write_note

MAX_AT_ONCE: Final = 20
_JOB: Final = "deletions"


@dataclass(frozen=True)
class DeletionReport:
    """How many trainings were deleted, and the rows of those that are left, without a name."""

    deleted: int = 0
    left: Sequence[Submission] = ()


class Deletions:
    """Deletes what is marked, as far as the present key reaches it."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._begun = False

    async def begin(self) -> None:
        """Try once in this process, in the background, what earlier ones could not delete."""
        if self._begun or not has_note(self._core.ledger.path, TO_DELETE):
            return
        self._begun = True
        await self._core.jobs.run(_JOB, self.run, 0.0)

    async def run(self) -> DeletionReport:
        """Delete what can be deleted now. Raises LedgerError; the service's errors leave it for the next time."""
        core, deleted = self._core, 0
        rows = [row for row in await core.ledger.to_delete(core.clock.now()) if core.ledger.can_reach(row)]
        if rows:
            with suppress(ApiframeError):
                team = (await (await core.provider()).account()).team_id
                for row in [row for row in rows if row.team_id in (None, team)][:MAX_AT_ONCE]:
                    # One that the service does not show must not keep the others there.
                    with suppress(Refused):
                        deleted += await self._delete(row)
        # Removed first: what another process marks meanwhile is noted again.
        remove_note(core.ledger.path, TO_DELETE)
        left = await core.ledger.to_delete(core.clock.now())
        if left:
            write_note(core.ledger.path, TO_DELETE)
        return DeletionReport(deleted, left)

    async def _delete(self, row: Submission) -> bool:
        """Whether the service deleted it. What turns out not to be there loses its mark."""
        core = self._core
        if row.state not in FINAL or is_deleted_if_found(row):
            # It may have ended by now, or its lost response may be found.
            row = (await core.tracker.check(row)).row
        if row.task_id is None:
            is_settled = row.state is State.INTENT or (row.state in FINAL and not is_deleted_if_found(row))
            if is_settled or is_absent(row) or was_never_complete(row):
                await core.ledger.mark_deleted(row.ref)
            return False
        api = await core.provider()
        if row.team_id is None:
            # Its team is not known: only what the service shows is certainly within reach of the key.
            await check_status(api, Kind.TRAINING, row.task_id)
        if not isinstance(await api.delete(row.task_id), Deleted):
            return False
        await core.ledger.mark_deleted(row.ref)
        return True
