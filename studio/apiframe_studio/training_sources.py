"""What a training is made of: a photo set that the service has, or photos that are sent with the training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import anyio
from pydantic import SecretStr

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.provider import Accepted, Marker, Provider, Terms, TrainingCall
from apiframe_studio.core import Core
from apiframe_studio.errors import NotAPhotoSet
from apiframe_studio.ledger import Answer, NewTraining, ProviderFacts, Submission
from apiframe_studio.ledger.errors import LedgerError
from apiframe_studio.ledger.states import Event, State
from apiframe_studio.photo_sets import PhotoSets, upload_deadline
from apiframe_studio.preflight import KEPT_SECONDS
from apiframe_studio.submitter import Sent

SET_WAIT_SECONDS: Final = 20.0
LOOK_AGAIN_SECONDS: Final = (5.0, 10.0, 15.0, 30.0)
"""The pauses between listings while the call lasts, in which a lost training is searched for."""
PROGRESS_SECONDS: Final = 1.0


class TrainingStep(StrEnum):
    """The steps of starting a training whose photos are sent with it, in order."""

    WAITING = "waiting for another upload"
    UPLOADING = "uploading"


OnProgress = Callable[[float, float, str], Awaitable[None]]
"""Called with the amount done, the total, and the step."""


@dataclass(frozen=True)
class TrainingRequest:
    """What to train. Only fields that are not None are sent to the service."""

    training_images_id: str
    trigger_word: str | None = None
    subject: str | None = None
    webhook_url: str | None = None
    webhook_secret: SecretStr | None = None
    idempotency_key: str | None = None
    max_credits: float | None = None
    """The most that was agreed to be paid for it. Not a part of what makes it the same request."""


class TrainingSource(ABC):
    """Where the photos of a training come from."""

    def __init__(self, core: Core, photo_sets: PhotoSets) -> None:
        self._core = core
        self._photo_sets = photo_sets

    async def describe(self, request: TrainingRequest) -> NewTraining:
        """The training as the ledger would remember it, whether or not its photos can be trained on by now.

        Raises:
            NotAPhotoSet, AtAnotherService: see there.
        """
        return self._of(request, await self._photo_sets.find(request.training_images_id))

    async def describe_trainable(self, request: TrainingRequest) -> NewTraining:
        """As `describe`, for photos that can be trained on, now or once they are ready. Raises SetNotUsable too."""
        return self._of(request, await self._photo_sets.find_trainable(request.training_images_id))

    async def make_ready(self, request: TrainingRequest) -> NewTraining:
        """As `describe_trainable`, once nothing but the payment is missing. Raises what `Trainings.start` does."""
        return await self.describe_trainable(request)

    @abstractmethod
    def send(
        self,
        api: Provider,
        row: Submission,
        request: TrainingRequest,
        on_progress: OnProgress,
        seconds: float,
    ) -> Awaitable[Sent]:
        """Send a training that waits to be sent, or join its job. After `seconds` it may still be under way."""

    async def record_refusal(self, request: TrainingRequest, cause: ApiframeError) -> None:  # noqa: B027
        """Record what a refusal by the service means for the photos: here, nothing."""

    @abstractmethod
    def _of(self, request: TrainingRequest, photo_set: Submission | None) -> NewTraining:
        """A training of this set, None where the ledger does not have it."""


class UploadedSource(TrainingSource):
    """Photos that were uploaded before, as a set that the service knows."""

    async def make_ready(self, request: TrainingRequest) -> NewTraining:
        ready = await self._photo_sets.wait_until_ready(request.training_images_id, SET_WAIT_SECONDS)
        return self._of(request, ready)

    def send(
        self,
        api: Provider,
        row: Submission,
        request: TrainingRequest,
        on_progress: OnProgress,
        seconds: float,
    ) -> Awaitable[Sent]:
        del on_progress, seconds  # One small request, which is done within the call.
        deadline = self._core.config.paid_seconds
        call = TrainingCall(
            row.parent_task_id, row.requested_trigger_word, request.webhook_url, request.webhook_secret
        )

        def send_once(_: Submission) -> Awaitable[Accepted]:
            return api.train(call, deadline_seconds=deadline)

        return self._core.submitter.send(
            row, send_once, deadline_seconds=deadline, max_credits=request.max_credits
        )

    async def record_refusal(self, request: TrainingRequest, cause: ApiframeError) -> None:
        with suppress(LedgerError):
            await self._photo_sets.record_refusal(request.training_images_id, cause)

    def _of(self, request: TrainingRequest, photo_set: Submission | None) -> NewTraining:
        """An id that the ledger does not have is sent as given."""
        set_id = (photo_set and photo_set.task_id) or request.training_images_id
        return _describe(NewTraining(set_id, request.trigger_word), request, photo_set, self._core.terms)


class KeptSource(TrainingSource):
    """Photos that wait on this machine, and are sent with the training in one request.

    If the process dies on any line here, the ledger has INTENT (nothing was sent), or SENDING with or without the note
    that the last part of the body was about to leave: without it no complete request can have arrived.
    """

    def __init__(self, core: Core, photo_sets: PhotoSets) -> None:
        super().__init__(core, photo_sets)
        self._one_upload = anyio.CapacityLimiter(1)
        self._moved = (0, 0)

    async def describe_trainable(self, request: TrainingRequest) -> NewTraining:
        new = await super().describe_trainable(request)
        await self._core.preflight.check(
            await self._core.provider(), TrainingCall(), new.estimated_credits or 0.0
        )
        return new

    async def send(
        self,
        api: Provider,
        row: Submission,
        request: TrainingRequest,
        on_progress: OnProgress,
        seconds: float,
    ) -> Sent:
        jobs, clock = self._core.jobs, self._core.clock
        is_ours = not jobs.is_running(row.ref)
        until = clock.monotonic() + seconds
        outcome: list[Sent] = []

        async def upload() -> None:
            async with self._one_upload:
                outcome.append(await self._upload(api, row, request))

        while not await jobs.run(
            row.ref, upload, min(max(until - clock.monotonic(), 0.01), PROGRESS_SECONDS)
        ):
            if clock.monotonic() >= until:
                break
            done, of = self._moved
            step = TrainingStep.UPLOADING if of else TrainingStep.WAITING
            await on_progress(done, of or 1, step)
        return outcome[0] if outcome else Sent(await self._core.tracker.reload(row), by_us=is_ours)

    async def _upload(self, api: Provider, row: Submission, request: TrainingRequest) -> Sent:
        core = self._core
        self._moved = (0, 0)

        def on_sent(done: int, of: int) -> None:
            self._moved = (done, of)

        kept, photos = await core.kept_sets.load(row.set_ref or "")
        install = await core.ledger.installation()
        call = TrainingCall(
            webhook_url=request.webhook_url,
            photos=photos,
            gender=kept.gender,
            ethnicity=kept.ethnicity,
            age=kept.age,
            marker=Marker(row.ref, install, row.attempt + 1),
        )
        # The ledger may be an older copy of itself; a row of this call has no earlier attempts at the service.
        is_earlier = row.attempt > 0 or core.clock.now() - row.created_at > KEPT_SECONDS
        searched = call if is_earlier else TrainingCall()
        cleared = await core.preflight.check(api, searched, row.estimated_credits or 0.0)
        core.preflight.drop()
        for known in (*cleared.search.found, *cleared.search.other_attempts):
            answer = Answer(task_id=known.task_id)
            await core.ledger.record_response(row.ref, -1, Event.ACCEPTED, answer, core.clock.now())
        deadline = upload_deadline(sum(map(len, photos)))

        def send_once(sending: Submission) -> Awaitable[Accepted]:
            return api.train(
                replace(call, marker=Marker(sending.ref, install, sending.attempt)),
                deadline_seconds=deadline,
                on_sent=on_sent,
                before_last_part=core.submitter.before_last_part(sending),
            )

        facts = ProviderFacts(
            team_id=cleared.account.team_id,
            credits_before=cleared.account.credits,
            sent_at_service=core.service_time.now(),
            deadline_seconds=deadline,
        )
        sent = await core.submitter.send(
            row, send_once, deadline_seconds=deadline, facts=facts, max_credits=request.max_credits
        )
        return await self._look_for(sent)

    async def _look_for(self, sent: Sent) -> Sent:
        """Look for a training whose outcome is unknown, for a minute: the service may show it late."""
        for seconds in LOOK_AGAIN_SECONDS:
            if sent.row.state is not State.UNCONFIRMED:
                break
            await self._core.clock.sleep(seconds)
            with suppress(ApiframeError):
                sent = replace(sent, row=(await self._core.tracker.check(sent.row)).row)
        return sent

    def _of(self, request: TrainingRequest, photo_set: Submission | None) -> NewTraining:
        if photo_set is None:
            raise NotAPhotoSet
        return _describe(NewTraining(None, set_ref=photo_set.set_ref), request, photo_set, self._core.terms)


def _describe(
    new: NewTraining, request: TrainingRequest, photo_set: Submission | None, terms: Terms
) -> NewTraining:
    """Add what the request and the ledger say about its photos."""
    new = replace(new, subject=request.subject, idempotency_key=request.idempotency_key)
    if photo_set is None:
        return new
    photos = photo_set.photo_count
    return replace(
        new,
        subject=request.subject or photo_set.subject,
        photo_count=photos,
        fingerprint=photo_set.fingerprint,
        estimated_credits=None if photos is None else terms.training_credits.of(photos),
    )


def choose_source(core: Core, photo_sets: PhotoSets) -> TrainingSource:
    """Where the photos of trainings come from on these terms."""
    return (UploadedSource if core.terms.uploads_before_training else KeptSource)(core, photo_sets)
