"""Photo sets: from a folder of photos to a set that can be trained on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.provider import Accepted, Kind, Provider, UploadCall, check_status
from apiframe_studio.core import Core
from apiframe_studio.errors import (
    AtAnotherService,
    CheckIncomplete,
    ConsentMissing,
    NotAPhotoSet,
    NotEnoughPhotos,
    PhotosChanged,
    SetNotUsable,
)
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.ledger import REF, SET_REF, NewUpload, Submission
from apiframe_studio.ledger.dedup import has_expired, may_have_expired
from apiframe_studio.ledger.errors import PaymentNotApproved
from apiframe_studio.ledger.states import FINAL, OPEN, UNDER_WAY, State
from apiframe_studio.tracker import ignore
from apiframe_studio.training import Note, Training

if TYPE_CHECKING:
    from apiframe_studio.photos.cache import PhotoCache
    from apiframe_studio.photos.choosing import Choice
    from apiframe_studio.photos.folders import AllowedFolders, FileIdentity
    from apiframe_studio.photos.models import PhotoCheck
    from apiframe_studio.photos.preparing import PreparedPhotos

MIN_UPLOAD_SECONDS: Final = 60.0
MAX_UPLOAD_SECONDS: Final = 900.0
MIN_PHOTO_BYTES_PER_SECOND: Final = 30_000.0
"""v1 sends the photos as base64, a third more: 40 kB/s."""
_BEFORE_ANY_END: Final = 0.0
_TRAINED: Final = (OPEN - {State.INTENT}) | {State.FINISHED, State.FAILED}
CHECKING_SECONDS: Final = 30.0
"""How long a call that prepares photos checks them, before it normalises and sends them."""


class Step(StrEnum):
    """The steps of preparing photos, in order."""

    CHECKING = "checking"
    PREPARING = "preparing"
    UPLOADING = "uploading"
    PREPARING_AT_SERVICE = "preparing at the service"


OnProgress = Callable[[float, float, str], Awaitable[None]]
"""Called with the amount done, the total, and the `Step`."""


@dataclass(frozen=True)
class PhotoSetRequest:
    """Which photos to prepare, and what the service asks about the subject.

    `consent_at` is when the user confirmed that the subject agreed (seconds since 1970, UTC): without it nothing
    is sent. `leave_out` and `keep` name photos as `photos.choose` takes them.
    """

    paths: Sequence[str]
    gender: str
    ethnicity: str
    age: int | str | None = None
    subject: str | None = None
    consent_at: float | None = None
    leave_out: Sequence[str] = ()
    keep: Sequence[str] = ()
    max_credits: float | None = None
    """The most that was agreed to be paid for it. Not a part of what makes it the same request."""
    fingerprint: str | None = None
    """That of the photos which were agreed to; other photos are not sent. None where any at these paths may be."""

    def attributes_digest(self) -> str:
        """A digest of the subject's attributes: others make another set, and they must not be readable on disk."""
        return hashlib.sha256(f"{self.gender}|{self.ethnicity}|{self.age}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class CheckedPhotos:
    """Photos that were checked and normalised, and not sent yet: what the user is asked about.

    `files` are those that were found at the paths, as they were before they were read.
    """

    check: PhotoCheck
    prepared: PreparedPhotos
    files: tuple[FileIdentity | None, ...]

    @property
    def fingerprint(self) -> str:
        """What makes it this set: a SHA-256 (hex) over the pixels that would be sent."""
        return self.prepared.fingerprint

    @property
    def found(self) -> int:
        """How many photos were found."""
        return len(self.check.photos) + self.check.left_out


@dataclass(frozen=True)
class PhotoSet:
    """A set in its present state. Times are seconds since 1970, UTC."""

    row: Submission
    check: PhotoCheck
    prepared: PreparedPhotos
    deduplicated: bool = False
    refreshed: bool = True
    """False if the service could not be asked: the row has the last known state."""
    same_attributes: bool = True
    """False if an earlier set that is not ready yet was prepared with other attributes of the subject."""
    trained: Training | None = None
    """An existing training of the same photos, from any upload."""
    expired: bool = False
    clock_ahead: float | None = None
    """Seconds that this machine's clock is ahead of the service's (below 0: behind), when it is wrong."""
    training_credits: float = 0.0
    """What a training of it costs."""


class PhotoSets:
    """Checks photos, prepares sets of them, and waits until a set is ready for a training."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._ledger = core.ledger
        self._clock = core.clock
        self._submitter = core.submitter
        self._time = core.service_time
        self._terms = core.terms

    @property
    def _allowed(self) -> AllowedFolders:
        from apiframe_studio.photos.folders import AllowedFolders

        inbox = self._core.inbox.folder
        own = (inbox,) if inbox.is_dir() else ()
        return AllowedFolders((*self._core.config.photo_folders, *own), home=Path.home())

    @cached_property
    def _cache(self) -> PhotoCache:
        from apiframe_studio.photos.cache import PhotoCache

        return PhotoCache()

    async def check(
        self, paths: Sequence[str], on_progress: OnProgress = ignore, seconds: float | None = None
    ) -> PhotoCheck:
        """Check photos: local, free, read-only. Raises PathRefused, DecodersFailed.

        After `seconds` the photos checked so far are returned; the same call again continues there.
        """

        from apiframe_studio.photos.checks import check

        async def progress(done: int, of: int) -> None:
            await on_progress(done, of, Step.CHECKING)

        return await check(
            paths,
            self._allowed,
            takes=self._terms.photos,
            progress=progress,
            seconds=seconds,
            cache=self._cache,
        )

    async def check_and_normalise(
        self,
        request: PhotoSetRequest,
        on_progress: OnProgress = ignore,
        seconds: float | None = CHECKING_SECONDS,
    ) -> CheckedPhotos:
        """Check photos and re-encode them for sending: local, free, read-only.

        What was found out about each file is kept for a while, so that the next call is quick.

        Raises:
            PathRefused, DecodersFailed, NotEnoughPhotos, CheckIncomplete, ChoiceRefused: see there.
        """
        from apiframe_studio.photos.choosing import choose, count_to_send

        files = await in_file_thread(self._allowed.identities, request.paths)
        check = await self.check(request.paths, on_progress, seconds)
        if check.unseen:
            raise CheckIncomplete(check)
        choice = choose(check, request.leave_out, request.keep)
        if (number := count_to_send(check, choice)) < self._terms.photos.min:
            raise NotEnoughPhotos(check, number)
        return CheckedPhotos(check, await self._normalise(check, choice, on_progress), files)

    async def must_be_paid(self, request: PhotoSetRequest, checked: CheckedPhotos) -> bool:
        """Whether preparing these photos would be paid for now. Raises InvalidKey, InvalidBaseUrl, LedgerError."""
        await self._core.provider()
        if not self._terms.uploads_before_training:
            return False
        new = self._submission(request, checked.prepared)
        known, _ = await self._find_duplicate(new)
        to_be_paid = known is None or (
            known.state is State.INTENT and known.attributes_digest == request.attributes_digest()
        )
        if to_be_paid:
            await self._submitter.check_cap(new)
        return to_be_paid

    async def find_training(self, fingerprint: str) -> Training | None:
        """Find a training of the same photos: a finished one, else the newest that was sent.

        One at this service comes before one at another, which is marked as such.
        """
        rows = await self._ledger.trainings_of_photos(fingerprint, self._clock.now())
        sent = [row for row in rows if row.state in _TRAINED and row.forgotten_at is None]
        here = [row for row in sent if self._ledger.can_reach(row)]
        best = next((row for row in here or sent if row.state is State.FINISHED), next(iter(sent), None))
        if best is None:
            return None
        return Training.of(best, *(() if here else (Note.AT_ANOTHER_SERVICE,)))

    async def prepare(
        self,
        request: PhotoSetRequest,
        on_progress: OnProgress = ignore,
        seconds: float = math.inf,
        *,
        checked: CheckedPhotos | None = None,
        may_pay: bool = True,
    ) -> PhotoSet:
        """Check, normalise and upload photos once; returns when the set is ready or `seconds` are over.

        Where photos are sent with the training, they are kept on this machine instead, free, until the set expires
        or a training of it is finished.

        The same photos again return the same set while it lives. `checked` is the set that a user agreed to:
        nothing is sent when other photos are at the paths by now. Without `may_pay` it returns the set that is
        there already.

        Raises:
            ConsentMissing, PhotosChanged: nothing was sent.
            PaymentNotApproved: it would have to be paid for, and must not.
            As `check_and_normalise`: nothing was sent.
            As `Trainings.start`.
        """
        until = self._clock.monotonic() + seconds
        api = await self._core.provider()
        if request.consent_at is None:
            raise ConsentMissing
        checking = CHECKING_SECONDS if seconds < math.inf else None
        checked = await self._check_agreed(request, on_progress, checked, checking)
        if request.fingerprint not in (None, checked.fingerprint):
            raise PhotosChanged
        if not self._terms.uploads_before_training:
            return await self._keep(request, checked)
        if not may_pay and await self.must_be_paid(request, checked):
            raise PaymentNotApproved
        prepared = checked.prepared
        new = self._submission(request, prepared)
        _, service_now = await self._find_duplicate(new)
        row, is_new = await self._submitter.get_or_create(
            new, service_now, may_send=may_pay, max_credits=request.max_credits
        )
        if request.subject and row.subject is None:
            row = await self._ledger.rename(row.ref, request.subject) or row
        same_attributes = row.attributes_digest == request.attributes_digest()
        is_sent_now = row.state is State.INTENT and same_attributes
        if is_sent_now:
            await self._upload(api, row, request, prepared, on_progress, until)
        row, refreshed = await self._wait_as_far_as_possible(row, on_progress, until)
        return PhotoSet(
            row,
            checked.check,
            prepared,
            not (is_new or is_sent_now),
            refreshed,
            same_attributes,
            await self.find_training(checked.fingerprint),
            has_expired(row, self._clock.now(), self._time.now(), self._terms),
            self._time.clock_ahead(),
            self._terms.training_credits.of(row.photo_count or 0),
        )

    async def _keep(self, request: PhotoSetRequest, checked: CheckedPhotos) -> PhotoSet:
        row, is_new = await self._core.kept_sets.keep(
            self._submission(request, checked.prepared),
            checked.prepared.jpegs,
            gender=request.gender,
            ethnicity=request.ethnicity,
            age=None if request.age is None else str(request.age),
        )
        return PhotoSet(
            row,
            checked.check,
            checked.prepared,
            deduplicated=not is_new,
            trained=await self.find_training(checked.fingerprint),
            training_credits=self._terms.training_credits.of(row.photo_count or 0),
        )

    async def _check_agreed(
        self,
        request: PhotoSetRequest,
        on_progress: OnProgress,
        agreed: CheckedPhotos | None,
        seconds: float | None,
    ) -> CheckedPhotos:
        if agreed and agreed.files == await in_file_thread(self._allowed.identities, request.paths):
            return agreed
        checked = await self.check_and_normalise(request, on_progress, seconds)
        if agreed and agreed.fingerprint != checked.fingerprint:
            raise PhotosChanged
        return checked

    async def wait_until_ready(self, name: str, seconds: float) -> Submission | None:
        """The set that a training needs, ready; None if the ledger does not have it.

        Waits a bounded time for one that is still being prepared.

        Raises:
            SetNotUsable: it expired, failed, or is not ready yet.
            NotAPhotoSet: see there.
        """
        row = await self.find_trainable(name)
        if row is None or not self._terms.uploads_before_training:
            return row
        row = await self._until_ready(row, ignore, self._clock.monotonic() + seconds)
        await self._refuse_expired(row)
        if row.state is not State.FINISHED:
            raise SetNotUsable(row, expired=False)
        return row

    async def find(self, name: str) -> Submission | None:
        """The set of the ledger with this id or ref, in any state; None if the ledger does not have it.

        Raises:
            NotAPhotoSet, AtAnotherService, PhotosNotKept: see there.
        """
        is_kept_here = not self._terms.uploads_before_training
        if is_kept_here and SET_REF.fullmatch(name):
            return await self._core.kept_sets.find(name)
        row = await self._ledger.find(name, self._clock.now())
        if row is None and not (is_kept_here or REF.fullmatch(name) or SET_REF.fullmatch(name)):
            return None
        if row is None or row.kind is not Kind.UPLOAD:
            raise NotAPhotoSet
        if not self._ledger.can_reach(row):
            raise AtAnotherService(Training.of(row))
        return row

    async def find_trainable(self, name: str) -> Submission | None:
        """As `find`, for a set that can be trained on, now or once it is ready.

        Raises:
            SetNotUsable: it can no longer be trained on.
            NotAPhotoSet, PhotosNotKept: see there.
        """
        if not self._terms.uploads_before_training and SET_REF.fullmatch(name):
            return await self._core.kept_sets.find_trainable(name)
        row = await self.find(name)
        if row is None:
            return None
        await self._refuse_expired(row)
        if row.state in FINAL and row.state is not State.FINISHED:
            raise SetNotUsable(row, expired=False)
        return row

    async def record_refusal(self, name: str, cause: ApiframeError) -> None:
        """Mark a set as expired if the service refused to train on it because of that, or a clock says so."""
        now = self._clock.now()
        row = await self._ledger.find(name, now)
        if row is None or row.kind is not Kind.UPLOAD:
            return
        is_over = may_have_expired(row, now, self._time.now(), self._terms)
        if is_over or "expired" in (cause.message or "").lower():
            await self._ledger.mark_missing(row.ref, now)

    async def _refuse_expired(self, row: Submission) -> None:
        if has_expired(row, self._clock.now(), await self._service_now(row), self._terms):
            raise SetNotUsable(row, expired=True, clock_ahead=self._time.clock_ahead())

    async def _service_now(self, row: Submission | None) -> float | None:
        """The time at the service, None where it is not known.

        The service is only asked if its time is not known yet and the set would be expired by the local clock.
        """
        unknown = self._time.now() is None
        if (
            unknown
            and row is not None
            and row.task_id
            and has_expired(row, self._clock.now(), None, self._terms)
        ):
            with suppress(ApiframeError):
                await check_status(await self._core.provider(), Kind.UPLOAD, row.task_id)
        return self._time.now()

    async def _find_duplicate(self, new: NewUpload) -> tuple[Submission | None, float | None]:
        """The existing set, and the time at the service by which it was found to be usable."""
        now = self._clock.now()
        service_now = await self._service_now(
            await self._ledger.find_duplicate(new, now, service_now=_BEFORE_ANY_END)
        )
        return await self._ledger.find_duplicate(new, now, service_now), service_now

    def _submission(self, request: PhotoSetRequest, prepared: PreparedPhotos) -> NewUpload:
        return NewUpload(
            prepared.fingerprint,
            request.attributes_digest(),
            subject=request.subject,
            estimated_credits=self._terms.upload_credits,
            photo_count=len(prepared.jpegs),
            consent_at=request.consent_at,
        )

    async def _normalise(self, check: PhotoCheck, choice: Choice, on_progress: OnProgress) -> PreparedPhotos:
        from apiframe_studio.photos.preparing import prepare

        async def progress(done: int, of: int) -> None:
            await on_progress(done, of, Step.PREPARING)

        prepared = await prepare(
            check,
            long_side=self._terms.photo_long_side,
            max_bytes=self._terms.jpeg_bytes,
            choice=choice,
            progress=progress,
            cache=self._cache,
        )
        if len(prepared.jpegs) < self._terms.photos.min:
            raise NotEnoughPhotos(check, len(prepared.jpegs))
        return prepared

    async def _upload(
        self,
        api: Provider,
        row: Submission,
        request: PhotoSetRequest,
        prepared: PreparedPhotos,
        on_progress: OnProgress,
        until: float,
    ) -> None:
        deadline = upload_deadline(prepared.size)
        moved = [0, 1]

        def sent(done: int, of: int) -> None:
            moved[:] = done, of

        async def send() -> None:
            age = request.age if isinstance(request.age, int) else None
            call = UploadCall(prepared.jpegs, request.gender, request.ethnicity, age)

            def send_once(_: Submission) -> Awaitable[Accepted]:
                return api.upload(call, deadline_seconds=deadline, on_sent=sent)

            await self._submitter.send(
                row, send_once, deadline_seconds=deadline, max_credits=request.max_credits
            )

        # Sent even if the check took all the time: otherwise a slow machine would never get beyond it.
        while not await self._core.jobs.run(row.ref, send, _slice(until - self._clock.monotonic())):
            if self._clock.monotonic() >= until:
                return
            await on_progress(moved[0], moved[1], Step.UPLOADING)

    async def _wait_as_far_as_possible(
        self, row: Submission, on_progress: OnProgress, until: float
    ) -> tuple[Submission, bool]:
        """Wait; if the service cannot be asked, return the last known state and False: it is paid for."""
        try:
            return await self._until_ready(row, on_progress, until), True
        except ApiframeError:
            return await self._core.tracker.reload(row), False

    async def _until_ready(self, row: Submission, on_progress: OnProgress, until: float) -> Submission:
        async def check() -> Submission:
            checked = await self._core.tracker.check(await self._core.tracker.reload(row))
            if checked.not_recorded is not None:
                raise checked.not_recorded
            return checked.row

        async def report(row: Submission) -> None:
            if not _is_settled(row):
                step = Step.UPLOADING if row.state is State.SENDING else Step.PREPARING_AT_SERVICE
                await on_progress(0.0, 1.0, step)

        left = until - self._clock.monotonic()
        return await self._core.tracker.wait_until(row.ref, check, _is_settled, left, report) or row


def _is_settled(row: Submission) -> bool:
    """Whether waiting for a set is of no use: it is ready, failed or given up, or the service does not know it."""
    return row.state is not State.SENDING and (row.state not in UNDER_WAY or row.missing_since is not None)


def upload_deadline(size: int) -> float:
    """How long an upload of `size` bytes of photos may take: sized for a slow line, and bounded. Pure."""
    return min(MIN_UPLOAD_SECONDS + size / MIN_PHOTO_BYTES_PER_SECOND, MAX_UPLOAD_SECONDS)


def _slice(left: float) -> float:
    return min(max(left, 0.01), 1.0)
