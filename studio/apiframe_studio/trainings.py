"""Trainings: start one at most once, check it, wait for it, list them, and record the user's decisions.

Everything here returns facts (`Training`) or raises an error. The tools write the sentences.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import anyio

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.provider import Kind, TaskStatus
from apiframe_studio.core import Core
from apiframe_studio.errors import (
    AtAnotherService,
    NotAPhotoSet,
    PhotosNotKept,
    Rejected,
    SetNotUsable,
    UnknownSubject,
    UnknownTraining,
    WrongKind,
)
from apiframe_studio.ledger import REF, NewTraining, Submission
from apiframe_studio.ledger.errors import LedgerError, LedgerUnusable, PaymentNotApproved
from apiframe_studio.ledger.states import OPEN, UNDER_WAY, State
from apiframe_studio.lookup import Lookup
from apiframe_studio.photo_sets import PhotoSets
from apiframe_studio.reconciler import Decision, Reconciler, check_unrecorded
from apiframe_studio.submitter import Sent
from apiframe_studio.tracker import Checked, FruitlessWaits, ignore
from apiframe_studio.training import Note, Training
from apiframe_studio.training_sources import OnProgress as OnSending
from apiframe_studio.training_sources import TrainingRequest as TrainingRequest
from apiframe_studio.training_sources import choose_source
from apiframe_studio.trigger_words import WordDoubt, find_doubts

REFRESHED_AT_ONCE: Final = 60
MAX_OF_A_SUBJECT: Final = 10
_LISTED: Final = frozenset(State) - {State.REJECTED}
OnProgress = Callable[[Training], Awaitable[None]]
MAX_FRUITLESS_WAITS: Final = 2
"""After this many waits without progress a wait gets `Note.NO_PROGRESS`."""


@dataclass(frozen=True)
class Price:
    """What starting a training costs in credits, and which photos it is for, as far as the ledger has them."""

    least: float
    most: float
    photos: int | None = None
    subject: str | None = None
    fingerprint: str | None = None
    earlier: Training | None = None
    """A training of the same photos: at this service when a new one is asked for on purpose, or at another."""


@dataclass(frozen=True)
class Page:
    """Some trainings, newest first, and the cursor of the next page.

    `unsettled` is only on the first page, and whatever the filters: every request of any kind that is open or
    unconfirmed, except trainings that are running at the service.
    """

    trainings: Sequence[Training]
    next_cursor: str | None = None
    total: int = 0
    unsettled: Sequence[Training] = ()
    unsettled_total: int = 0
    """How many there are: `unsettled` has at most 50."""
    rejected: int = 0
    """How many rejected trainings were left out. They cost nothing."""


class Trainings:
    """Starts, checks, waits for and lists trainings."""

    def __init__(self, core: Core, photo_sets: PhotoSets) -> None:
        self._core = core
        self._photo_sets = photo_sets
        self._ledger = core.ledger
        self._clock = core.clock
        self._submitter = core.submitter
        self._terms = core.terms
        self._source = choose_source(core, photo_sets)
        self._fruitless = FruitlessWaits()
        self._reconciler = Reconciler(core)

    async def start(
        self,
        request: TrainingRequest,
        on_progress: OnSending = ignore,
        seconds: float = math.inf,
        *,
        may_pay: bool = True,
    ) -> Training:
        """Start a training at most once, however often the same request is made.

        Without `may_pay` it returns an existing training or raises, and sends nothing. Where the photos are sent with
        it, it may still be under way after `seconds`: the same call again reports it.

        Raises:
            PaymentNotApproved: there is no training yet, and `may_pay` is False.
            PriceAboveLimit: there is none yet, and it could cost more than `max_credits` of the request.
            InvalidKey, InvalidBaseUrl, LedgerError: nothing was sent.
            NotAPhotoSet, PhotosNotKept, SubjectForgotten: nothing was sent.
            SetNotUsable: nothing was sent, and these photos have no training.
            NotEnoughCredits, NoPlaceFree, ApiframeError: as a free check found beforehand; nothing was sent.
            KeyReused: the idempotency key was used for other photos or another trigger word.
            NotYetSent: provably not accepted; the same call again sends it.
            Rejected: the service refused it.
        """
        api = await self._core.provider()
        new = await self._source.describe(request)
        if request.idempotency_key is not None:
            await self._check_duplicate(new)
        lookup = await self._look_up(new)
        # An existing training is returned even if its set has expired: only a new one needs the set.
        try:
            row, _is_new = await self._submitter.get_or_create(new, may_send=False)
        except PaymentNotApproved:
            on_its_way = await self._find_on_its_way(new)
            if on_its_way is None:
                new = await self._source.make_ready(request)
                row = await self._get_or_create(new, may_pay=may_pay, max_credits=request.max_credits)
            else:
                # This call only waits for the one that sends: should that one give up, this one pays nothing.
                row, request = on_its_way, replace(request, max_credits=0)

        same_word = row.requested_trigger_word == request.trigger_word
        is_running = self._core.jobs.is_running(row.ref)
        try:
            if is_running or (row.state is State.INTENT and same_word):
                sent = await self._source.send(api, row, request, on_progress, seconds)
            elif row.state is State.SENDING:
                sent = await self._submitter.wait_for_sender(row)
            else:
                sent = Sent(row, by_us=False)
        except Rejected as rejected:
            await self._source.record_refusal(request, rejected.cause)
            raise
        training = _started(request, sent, lookup)
        if sent.row.state is State.INTENT and not self._core.jobs.is_running(sent.row.ref):
            training = training.with_notes(Note.WAITS_TO_BE_SENT)
        is_of_another_upload = sent.row.dedup_key != new.dedup_key and sent.row.forgotten_at is None
        await self._record_report(training)
        return training.with_notes(Note.SAME_PHOTOS) if is_of_another_upload else training

    async def _find_on_its_way(self, new: NewTraining) -> Submission | None:
        """The same training where an earlier call is about to send it: it was agreed to, whatever is agreed now."""
        known = await self._ledger.find_duplicate(new, self._clock.now())
        return known if known is not None and self._core.jobs.is_running(known.ref) else None

    async def _get_or_create(
        self, new: NewTraining, *, may_pay: bool, max_credits: float | None
    ) -> Submission:
        try:
            row, _is_new = await self._submitter.get_or_create(new, may_send=may_pay, max_credits=max_credits)
        except PaymentNotApproved:
            await self._submitter.check_cap(new)
            raise
        return row

    async def _look_up(self, new: NewTraining) -> Lookup | None:
        """Look for an existing training with an unknown outcome, before it is decided what is sent."""
        if not self._terms.can_find:
            return None
        known = await self._ledger.find_duplicate(new, self._clock.now())
        if known is None or known.state is not State.UNCONFIRMED:
            return None
        with suppress(ApiframeError):
            return (await self._core.tracker.check(known)).lookup
        return None

    async def _check_duplicate(self, new: NewTraining) -> None:
        """Check the training that a new key would repeat: it may have ended, which the ledger does not know yet."""
        known = await self._ledger.find_duplicate(new, self._clock.now())
        if known is not None and known.state in UNDER_WAY:
            with suppress(ApiframeError):
                await self._core.tracker.check(known)

    async def price(self, request: TrainingRequest) -> Price | None:
        """What starting this would cost; None if it is already paid for or would be refused.

        Raises:
            InvalidKey, InvalidBaseUrl, LedgerError (SpendingCapReached among them), KeyReused, SubjectForgotten: as
                `start` would.
        """
        await self._core.provider()
        try:
            new = await self._source.describe(request)
            await self._look_up(new)
            known = await self._ledger.find_duplicate(new, self._clock.now())
            if known is not None and (
                known.state is not State.INTENT or self._core.jobs.is_running(known.ref)
            ):
                return None
            new = await self._source.describe_trainable(request)
        except (AtAnotherService, NotAPhotoSet, PhotosNotKept, SetNotUsable):
            return None
        await self._submitter.check_cap(new)
        least, most = (
            (self._terms.min_training_credits(), self._terms.max_training_credits())
            if new.estimated_credits is None
            else (new.estimated_credits, new.estimated_credits)
        )
        earlier = None
        if new.idempotency_key is not None:
            earlier = await self._ledger.find_duplicate(replace(new, idempotency_key=None), self._clock.now())
        existing = Training.of(earlier) if earlier is not None and earlier.state is not State.INTENT else None
        if existing is None and new.fingerprint is not None:
            existing = await self._photo_sets.find_training(new.fingerprint)
        return Price(least, most, new.photo_count, new.subject, new.fingerprint, existing)

    async def check(self, name: str) -> Training:
        """Check a training once, by its task_id or ref.

        Raises:
            UnknownTraining, WrongKind: see there.
            ApiframeError: the service could not be asked.
        """
        try:
            known = await self._ledger.find_with_history(name, self._clock.now())
        except LedgerUnusable:
            if REF.fullmatch(name):
                raise
            return replace(await self._check_elsewhere(name), notes=(Note.LEDGER_NOT_READ,))
        if known is not None:
            if known[0].kind is not Kind.TRAINING:
                raise WrongKind(known[0].kind, Kind.TRAINING)
            training = Training.of_checked(await self._core.tracker.check(*known))
            await self._record_report(training)
            return training
        if REF.fullmatch(name):
            raise UnknownTraining(is_ref=True)
        return await self._check_elsewhere(name)

    async def wait(self, name: str, seconds: float = math.inf, on_progress: OnProgress = ignore) -> Training:
        """Wait until a training is settled, for at most `seconds`, and report every change.

        Raises:
            As `check`; but if the service cannot be asked after a first check succeeded, the last known
            state is returned with `Note.NOT_REFRESHED`.
        """
        known = await self._find_if_readable(name)
        if known is not None and not self._ledger.can_reach(known):
            return await self.check(name)
        key = name if known is None else known.ref

        async def check() -> Training:
            try:
                return await self.check(name)
            except ApiframeError:
                row = await self._find_if_readable(name)
                if row is None or row.checked_at is None:
                    raise
                return Training.of(row, Note.NOT_REFRESHED)

        began = self._clock.monotonic()
        latest = await self._core.tracker.wait_until(
            key,
            check,
            lambda training: not training.is_under_way,
            seconds,
            on_progress,
            facts_of=_facts_of,
            cuts_off=True,
        ) or _last_known(name, known)
        before = None if known is None else Training.of(known).progress
        ended = self._clock.monotonic()
        fruitless = self._fruitless.count(key, before, latest.progress, began, ended)
        return latest.with_notes(Note.NO_PROGRESS) if fruitless >= MAX_FRUITLESS_WAITS else latest

    async def list(
        self,
        *,
        subject: str | None = None,
        status: frozenset[State] | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page:
        """Trainings of this ledger, newest first; those under way are checked first, in a few batches.

        Without `status` rejected trainings are left out: they were invalid requests and cost nothing.

        Raises:
            UnknownCursor: see there.
        """
        now = self._clock.now()
        may_change = UNDER_WAY | {State.UNCONFIRMED} if self._terms.can_find else UNDER_WAY
        # Checked before the page is read: a check may move a training in or out of `status`.
        under_way = await self._ledger.page(
            Kind.TRAINING, now, here=True, subject=subject, states=may_change, limit=REFRESHED_AT_ONCE
        )
        checked = {training.ref: training for training in await self._check_all(under_way.rows)}
        page = await self._ledger.page(
            Kind.TRAINING, now, subject=subject, states=status or _LISTED, before=cursor, limit=limit
        )
        trainings = [checked.get(row.ref) or self._training(row) for row in page.rows]
        await self._record_report(*trainings)
        next_cursor = page.rows[-1].ref if page.more else None
        if cursor is not None:
            return Page(trainings, next_cursor, page.total)
        unsettled = await self._ledger.unsettled(now)
        rejected = 0
        if status is None:
            states = frozenset({State.REJECTED})
            hidden = await self._ledger.page(Kind.TRAINING, now, subject=subject, states=states, limit=1)
            rejected = hidden.total
        return Page(
            trainings,
            next_cursor,
            page.total,
            [checked.get(row.ref) or self._training(row) for row in unsettled.rows],
            unsettled.total,
            rejected,
        )

    async def find_by_subject(self, subject: str) -> Sequence[Training]:
        """The trainings of one subject, newest first, at most `MAX_OF_A_SUBJECT`; those under way are checked.

        Rejected and abandoned ones are left out unless there are no others.

        Raises:
            UnknownSubject: there is none.
        """
        now = self._clock.now()
        for states in (_LISTED - {State.ABANDONED}, None):
            page = await self._ledger.page(
                Kind.TRAINING, now, subject=subject, states=states, limit=MAX_OF_A_SUBJECT
            )
            if page.rows:
                trainings = await self._check_all(page.rows)
                await self._record_report(*trainings)
                return trainings
        raise UnknownSubject

    async def check_subject(self, subject: str) -> Training:
        """Check the newest training of a subject; `others` has the rest. Raises UnknownSubject."""
        newest, *others = await self.find_by_subject(subject)
        return replace(newest, others=tuple(others))

    async def wait_for_subject(self, subject: str, seconds: float, on_progress: OnProgress) -> Training:
        """As `wait`, for the newest training of a subject; `others` has the rest. Raises UnknownSubject."""
        newest, *others = await self.find_by_subject(subject)
        waited = await self.wait(newest.ref or "", seconds, on_progress)
        return replace(waited, others=tuple(others))

    async def resolve(self, ref: str, decision: Decision, task_id: str | None = None) -> Training:
        """Record what the user says about a request; see `Reconciler.resolve`."""
        training = await self._reconciler.resolve(ref, decision, task_id)
        await self._record_report(training)
        return training

    async def _record_report(self, *trainings: Training) -> None:
        """Record that the caller learns of these ends, so that no notification repeats them."""
        refs = [training.ref for training in trainings if training.ref and training.is_unreported]
        if refs:
            # A notification more is better than a result less.
            with suppress(LedgerError):
                await self._ledger.note_reported(refs, self._clock.now())

    def _training(self, row: Submission) -> Training:
        """A training as it is known, without a status check."""
        return Training.of_checked(Checked(row, elsewhere=not self._ledger.can_reach(row)))

    async def _find_if_readable(self, name: str) -> Submission | None:
        try:
            return await self._ledger.find(name, self._clock.now())
        except LedgerUnusable:
            return None

    async def _check_elsewhere(self, task_id: str) -> Training:
        task = await check_unrecorded(await self._core.provider(), task_id, Kind.TRAINING)
        return replace(_elsewhere(task, self._clock.now()), task_id=task_id)

    async def _check_all(self, rows: Sequence[Submission]) -> Sequence[Training]:
        trainings = [Training.of(row) for row in rows]

        async def refresh(place: int) -> None:
            try:
                trainings[place] = Training.of_checked(await self._core.tracker.check(rows[place]))
            except ApiframeError:
                trainings[place] = trainings[place].with_notes(Note.NOT_REFRESHED)

        async with anyio.create_task_group() as group:
            for place in range(len(rows)):
                group.start_soon(refresh, place)
        return trainings


_NOTE_OF: Final = {WordDoubt.ORDINARY: Note.ORDINARY_WORD, WordDoubt.DIGITS: Note.DIGITS_IN_WORD}


def _started(request: TrainingRequest, sent: Sent, lookup: Lookup | None) -> Training:
    posts = None if request.webhook_url is None else sent.by_us and sent.row.state is not State.REJECTED
    training = Training.of_checked(Checked(sent.row, lookup=lookup)).with_notes(*sent.notes)
    training = replace(training, deduplicated=not sent.by_us, posts_updates=posts)
    if sent.by_us and request.trigger_word:
        training = training.with_notes(*(_NOTE_OF[doubt] for doubt in find_doubts(request.trigger_word)))
    if (
        not sent.by_us
        and sent.row.forgotten_at is None
        and sent.row.requested_trigger_word != request.trigger_word
        and sent.row.state in (OPEN | {State.FINISHED, State.FAILED})
    ):
        training = training.with_notes(Note.OTHER_WORD)
    return training


def _last_known(name: str, known: Submission | None) -> Training:
    if known is None:
        return Training(State.QUEUED, task_id=name, notes=(Note.NOT_IN_LEDGER, Note.NOT_REFRESHED))
    return Training.of(known, Note.NOT_REFRESHED)


def _facts_of(training: Training) -> object:
    """The facts whose change is reported to waits: not the time of the check or the estimate."""
    return (training.progress, training.message, training.trigger_word, training.notes)


def _elsewhere(task: TaskStatus, now: float) -> Training:
    state = State(task.state.value)
    missing = (Note.WORD_MISSING,) if state is State.FINISHED and task.trigger_word is None else ()
    return Training(
        state,
        task_id=task.task_id,
        trigger_word=task.trigger_word,
        percentage=task.percentage,
        message=task.message,
        checked_at=now,
        notes=(Note.NOT_IN_LEDGER, *missing),
    )
