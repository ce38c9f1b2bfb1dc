"""What a user says became of a request: recorded where it can be true, and only there."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from typing import Final

from apiframe_studio.api.errors import ApiframeError, Refused, is_unknown_task
from apiframe_studio.api.provider import Kind, Provider, TaskStatus, check_status
from apiframe_studio.core import Core
from apiframe_studio.errors import (
    AtAnotherService,
    MayStillFinish,
    NothingToResolve,
    SubjectMismatch,
    TaskIdMissing,
    UnknownTraining,
    WrongKind,
)
from apiframe_studio.ledger import REF, Submission
from apiframe_studio.ledger.errors import TaskIdTaken
from apiframe_studio.ledger.states import UNDER_WAY, Event, State
from apiframe_studio.ledger.transitions import may_end_at
from apiframe_studio.subjects import subject_key
from apiframe_studio.tracker import Checked, observation_of
from apiframe_studio.training import Note, Training


class Decision(StrEnum):
    """What a user says became of a request."""

    ACCEPTED = "accepted"
    SEND_AGAIN = "send_again"
    GIVE_UP = "give_up"


class Reconciler:
    """Records what a user says about requests with an unknown outcome."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._ledger = core.ledger
        self._clock = core.clock

    async def resolve(self, ref: str, decision: Decision, task_id: str | None = None) -> Training:
        """Record what a user says became of a request, or take a training made elsewhere into the ledger.

        A `ref` that is none of this ledger's, with `accepted` and a task_id, is the name of a subject whose
        training was made elsewhere. A task_id counts with `accepted` only.

        Raises:
            UnknownTraining, WrongKind, NothingToResolve, MayStillFinish, TaskIdMissing, TaskIdTaken, SubjectMismatch,
            AtAnotherService: see there.
            ApiframeError: the id could not be checked with the service.
        """
        if decision is Decision.ACCEPTED and task_id is None:
            raise TaskIdMissing
        row = await self._ledger.find(ref, self._clock.now())
        if row is None:
            return await self._import(ref, decision, task_id)
        if decision is not Decision.GIVE_UP:
            self._refuse_elsewhere(row)
        if row.state in UNDER_WAY or row.state is State.UNCONFIRMED:
            row = await self._check(row)
        if task_id is not None and decision is Decision.ACCEPTED:
            await self._check_id(row, task_id)
        return await self._record(row, decision, task_id)

    def _refuse_elsewhere(self, row: Submission) -> None:
        if not self._ledger.can_reach(row):
            raise AtAnotherService(Training.of(row))

    async def _record(self, row: Submission, decision: Decision, task_id: str | None) -> Training:
        now = self._clock.now()
        resolved = await self._ledger.resolve(row.ref, _EVENT_OF[decision], task_id, now)
        if resolved is None and decision is Decision.GIVE_UP and row.state in UNDER_WAY:
            raise MayStillFinish(Training.of(row), may_end_at(row))
        if resolved is None:
            raise NothingToResolve(Training.of(row))
        return await self._refresh(resolved)

    async def _check(self, row: Submission) -> Submission:
        """The row after one status check, which may find that it has ended, or that the service does not know it."""
        # Where the service cannot be asked, the last known state counts.
        with suppress(ApiframeError):
            checked = await self._core.tracker.check(row)
            if checked.row.missing_since is not None and checked.task is not None:
                await self._check_links(checked.row, checked.task)
        return await self._core.tracker.reload(row)

    async def _check_links(self, row: Submission, task: TaskStatus) -> None:
        """Images whose links do not work stay missing, although the service knows the task."""
        try:
            async with self._core.image_store.fetching:
                await self._core.image_store.download(await self._core.provider(), task.image_urls[0])
        except Refused:
            return
        await self._ledger.record_status(row.ref, observation_of(task, row.kind, self._clock.now()))

    async def _refresh(self, row: Submission) -> Training:
        """What the service says about a training by now; an upload or images are only checked when they are used."""
        checked = Checked(row) if row.kind is not Kind.TRAINING else await self._core.tracker.check(row)
        return Training.of_checked(checked)

    async def _check_id(self, row: Submission, task_id: str) -> None:
        """The id that a user gives must be of this kind at the service, and of no other submission here."""
        other = await self._ledger.find(task_id, self._clock.now())
        if other is not None and other.ref != row.ref:
            raise TaskIdTaken(other)
        await check_unrecorded(await self._core.provider(), task_id, row.kind)

    async def _import(self, name: str, decision: Decision, task_id: str | None) -> Training:
        if decision is not Decision.ACCEPTED or task_id is None or REF.fullmatch(name):
            raise UnknownTraining(is_ref=True)
        now = self._clock.now()
        if known := await self._ledger.find(task_id, now):
            self._refuse_elsewhere(known)
            return await self._name(known, name)
        await check_unrecorded(await self._core.provider(), task_id, Kind.TRAINING)
        row, is_new = await self._ledger.import_task(Kind.TRAINING, task_id, name, now)
        if not is_new:
            return await self._name(row, name)
        return (await self._refresh(row)).with_notes(Note.NEW_IN_LEDGER)

    async def _name(self, row: Submission, name: str) -> Training:
        """Only what has no name gets one: another's must not change hands by a mistyped id."""
        if row.kind is not Kind.TRAINING:
            raise WrongKind(row.kind, Kind.TRAINING)
        row = await self._ledger.rename(row.ref, name) or row
        if row.forgotten_at is None and subject_key(row.subject) != subject_key(name):
            raise SubjectMismatch(Training.of(row))
        return await self._refresh(row)


async def check_unrecorded(api: Provider, task_id: str, wanted: Kind) -> TaskStatus:
    """What the service says about an id that this ledger does not have.

    Raises:
        UnknownTraining: the service does not know it.
        WrongKind: it is of another kind than the one that is `wanted`.
        ApiframeError: the service could not be asked.
    """
    try:
        task = await check_status(api, None, task_id)
    except Refused as refused:
        if is_unknown_task(refused):
            raise UnknownTraining(is_ref=False) from refused
        raise
    if task.kind not in (None, wanted):
        raise WrongKind(task.kind, wanted)
    return task


_EVENT_OF: Final = {
    Decision.ACCEPTED: Event.USER_SAYS_ACCEPTED,
    Decision.SEND_AGAIN: Event.USER_SAYS_SEND_AGAIN,
    Decision.GIVE_UP: Event.USER_GIVES_UP,
}
