"""Photo sets as Python: which photos are sent, for how long, and what can be called meanwhile."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.errors import ConsentMissing, PhotosChanged
from apiframe_studio.ledger import Kind, NewUpload, Submission
from apiframe_studio.ledger.dedup import FAILED_JUST_NOW_SECONDS, has_expired, is_reusable, max_cost
from apiframe_studio.ledger.states import State
from apiframe_studio.photo_sets import (
    MAX_UPLOAD_SECONDS,
    MIN_UPLOAD_SECONDS,
    PhotoSetRequest,
    upload_deadline,
)
from apiframe_studio.photos.synthetic import draw, make_scenes
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox
from apiframe_studio.studio import Studio, StudioConfig

from ..painting import SMALL, jpeg, paint_a_person
from .new_submissions import new_submission
from .stepped_clock import EPOCH, SteppedClock

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("photos_decoded_once")]
AGREED_AT = EPOCH - 3600


async def nothing(_done: float, _of: float, _what: str) -> None:
    return


class Service:
    """A sandbox whose uploads can be held back and are counted."""

    def __init__(self, clock: SteppedClock) -> None:
        self.sandbox = Sandbox(clock=clock.now)
        self.images: list[int] = []
        self.arrived = anyio.Event()
        self.open = anyio.Event()

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        async def counted() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            if not message.get("more_body") and scope["path"] == "/ai-photo-upload":
                images = json.loads(bytes(body))["images"]
                assert all(base64.b64decode(image).startswith(b"\xff\xd8\xff") for image in images)
                self.images.append(len(images))
                self.arrived.set()
                await self.open.wait()
            return message

        body = bytearray()
        await self.sandbox.app(scope, counted, send)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def service(clock: SteppedClock) -> AsyncGenerator[Service]:
    service = Service(clock)
    yield service
    service.sandbox.close()


@pytest.fixture
async def studio(tmp_path: Path, clock: SteppedClock, service: Service) -> AsyncGenerator[Studio]:
    plan = StudioConfig(
        tmp_path / "ledger.sqlite3",
        SANDBOX_URL,
        SecretStr(SANDBOX_KEY),
        app_factory=lambda: service.app,
        is_sandbox=True,
        photo_folders=(tmp_path,),
    )
    studio = Studio(plan, clock)
    yield studio
    await studio.aclose()


async def test_of_more_than_thirty_photos_the_best_thirty_are_sent_and_the_others_reported(
    studio: Studio, service: Service, tmp_path: Path
) -> None:
    for number in range(33):
        (tmp_path / f"{number:02}.jpg").write_bytes(jpeg(paint_a_person(number, SMALL)))
    service.open.set()
    with anyio.fail_after(60):
        request = PhotoSetRequest([str(tmp_path)], "male", "asian", consent_at=AGREED_AT)
        photo_set = await studio.photo_sets.prepare(request, nothing, 40)
    assert service.images == [30]
    assert (photo_set.row.photo_count, photo_set.training_credits, len(photo_set.prepared.spare)) == (
        30,
        120,
        3,
    )


async def test_a_status_check_is_answered_while_photos_are_being_sent(
    studio: Studio, service: Service, photos: Path
) -> None:
    from apiframe_studio.trainings import TrainingRequest

    begun = await studio.trainings.start(TrainingRequest("sandbox-person"))
    request = PhotoSetRequest([str(photos)], "female", "white", consent_at=AGREED_AT)
    with anyio.fail_after(60):
        async with studio.jobs, anyio.create_task_group() as group:
            group.start_soon(studio.photo_sets.prepare, request, nothing, 40)
            await service.arrived.wait()
            status = await studio.trainings.check(begun.ref or "")
            assert status.state is State.QUEUED
            [row] = (await studio.ledger.page(Kind.UPLOAD, studio.clock.now(), limit=50)).rows
            assert row.state is State.SENDING
            service.open.set()


async def test_without_consent_nothing_is_read_sent_or_recorded(
    studio: Studio, service: Service, tmp_path: Path
) -> None:
    with pytest.raises(ConsentMissing):
        await studio.photo_sets.prepare(PhotoSetRequest([str(tmp_path)], "female", "white"), nothing, 40)
    assert service.images == []
    assert (await studio.ledger.page(Kind.UPLOAD, studio.clock.now(), limit=50)).rows == []


async def test_the_ledger_records_when_consent_was_given_not_when_the_photos_were_sent(
    studio: Studio, service: Service, photos: Path
) -> None:
    service.open.set()
    request = PhotoSetRequest([str(photos)], "female", "white", consent_at=AGREED_AT)
    with anyio.fail_after(60):
        photo_set = await studio.photo_sets.prepare(request, nothing, 40)
    assert photo_set.row.consent_at == AGREED_AT
    assert photo_set.row.created_at > AGREED_AT


async def test_a_waiting_set_that_is_sent_now_is_not_reported_as_a_duplicate(
    studio: Studio, service: Service, photos: Path
) -> None:
    service.open.set()
    request = PhotoSetRequest([str(photos)], "female", "white", consent_at=AGREED_AT)
    checked = await studio.photo_sets.check_and_normalise(request)
    ledger = studio.ledger
    waits = NewUpload(fingerprint=checked.fingerprint, attributes_digest=request.attributes_digest())
    row, _ = await ledger.get_or_create(waits, studio.clock.now())
    with anyio.fail_after(60):
        sent = await studio.photo_sets.prepare(request, nothing, 40)
        again = await studio.photo_sets.prepare(request, nothing, 40)
    assert (sent.row.ref, sent.deduplicated) == (row.ref, False)
    assert again.deduplicated is True
    assert len(service.images) == 1


async def test_only_the_confirmed_set_is_sent(studio: Studio, service: Service, photos: Path) -> None:
    request = PhotoSetRequest([str(photos)], "female", "white", consent_at=AGREED_AT)
    agreed = await studio.photo_sets.check_and_normalise(request, nothing)
    draw(make_scenes(30)[-1], (1040, 1300)).save(photos / "one more.jpg", "JPEG", quality=80)
    with pytest.raises(PhotosChanged):
        await studio.photo_sets.prepare(request, nothing, 40, checked=agreed)
    assert service.images == []


@pytest.mark.parametrize(
    ("size", "seconds"),
    [
        (0, MIN_UPLOAD_SECONDS),
        (300_000, MIN_UPLOAD_SECONDS + 10),
        (12_000_000, MIN_UPLOAD_SECONDS + 400),
        (10**9, MAX_UPLOAD_SECONDS),
    ],
)
def test_the_deadline_of_an_upload_suits_a_slow_connection_and_is_limited(size: int, seconds: float) -> None:
    assert upload_deadline(size) == pytest.approx(seconds)


NOW = 10_000.0


def _row(kind: Kind, state: State, **known: Any) -> Submission:
    named = (kind, "s", "o", "print", None, None)
    return Submission("up-1234567", *named, state, 1, 0.0, attributes_digest="words", **known)


@pytest.mark.parametrize("kind", [Kind.UPLOAD, Kind.GENERATION])
@pytest.mark.parametrize(
    ("state", "known", "good"),
    [
        (State.FINISHED, {}, True),
        (State.FINISHED, {"expires_at": NOW + 1}, True),
        (State.FINISHED, {"expires_at": NOW}, False),
        (State.FAILED, {"finished_at": NOW - FAILED_JUST_NOW_SECONDS + 1}, True),
        (State.FAILED, {"finished_at": NOW - FAILED_JUST_NOW_SECONDS}, False),
        (State.FAILED, {}, False),
        (State.REJECTED, {}, False),
        (State.ABANDONED, {}, False),
    ],
)
def test_an_earlier_request_is_reused_in_these_states(
    kind: Kind, state: State, known: dict[str, Any], good: bool
) -> None:
    same = new_submission(kind, "print", attributes_digest="words")
    other = new_submission(kind, "print", attributes_digest="other words")
    assert is_reusable(same, NOW, None, _row(kind, state, **known), V1_TERMS) is good
    # Only an upload says something about its subject.
    is_alike = good and kind is Kind.GENERATION
    assert is_reusable(other, NOW, None, _row(kind, state, **known), V1_TERMS) is is_alike


DAY = 24 * 3600.0
READY: dict[str, Any] = {"sent_at": NOW - 90, "finished_at": NOW - 60}


@pytest.mark.parametrize(
    ("kind", "known", "service_now", "expired"),
    [
        (Kind.UPLOAD, {}, None, False),
        (Kind.UPLOAD, {"expires_at": NOW}, None, True),
        (Kind.UPLOAD, {"expires_at": NOW + 1}, None, False),
        (Kind.UPLOAD, {"expires_at": NOW}, NOW - 1, False),
        (Kind.UPLOAD, {"expires_at": NOW + DAY}, NOW + DAY, True),
        (Kind.UPLOAD, {"expires_at": NOW - DAY, "finished_at": NOW - 60}, None, False),
        (Kind.UPLOAD, {"expires_at": NOW - DAY, "finished_at": NOW - 60}, NOW, False),
        # First checked long after it had expired.
        (Kind.UPLOAD, {"expires_at": NOW - DAY, "sent_at": NOW - 3 * DAY, "finished_at": NOW}, NOW, True),
        # The Date header is ahead, by two days or by less than the lifetime of a set.
        (Kind.UPLOAD, {"expires_at": NOW + DAY, **READY}, NOW + 2 * DAY, False),
        (Kind.UPLOAD, {"expires_at": NOW + DAY, **READY}, NOW + DAY, False),
        (
            Kind.UPLOAD,
            {"expires_at": NOW, "sent_at": NOW - DAY, "finished_at": NOW - DAY},
            NOW + 2 * DAY,
            True,
        ),
        # The local clock is behind, always or since it was set back.
        (
            Kind.UPLOAD,
            {"expires_at": NOW + 2 * DAY, "sent_at": NOW - DAY, "finished_at": NOW - DAY},
            NOW + 2 * DAY,
            True,
        ),
        (Kind.UPLOAD, {"expires_at": NOW, "sent_at": NOW + DAY, "finished_at": NOW + DAY}, NOW, True),
        (Kind.UPLOAD, {"expires_at": NOW, "sent_at": NOW + DAY, "finished_at": NOW + DAY}, NOW - 1, False),
        # The service rejected it.
        (Kind.UPLOAD, {"expires_at": NOW + DAY, "missing_since": NOW, **READY}, NOW, True),
        (Kind.UPLOAD, {"expires_at": NOW - 2 * DAY, "finished_at": NOW - DAY}, None, True),
        (Kind.GENERATION, {"expires_at": NOW}, NOW - DAY, True),
    ],
)
def test_a_set_expires_by_the_clock_of_the_service_unless_the_local_clock_contradicts_it(
    kind: Kind, known: dict[str, Any], service_now: float | None, expired: bool
) -> None:
    assert has_expired(_row(kind, State.FINISHED, **known), NOW, service_now, V1_TERMS) is expired


@pytest.mark.parametrize(
    ("kind", "known", "most"),
    [
        (Kind.TRAINING, None, 120.0),
        (Kind.TRAINING, 48.0, 48.0),
        (Kind.UPLOAD, 2.0, 2.0),
        (Kind.GENERATION, None, 0.0),
    ],
)
def test_the_maximum_cost_is_the_known_one_or_that_of_the_kind(
    kind: Kind, known: float | None, most: float
) -> None:
    assert max_cost(_row(kind, State.QUEUED, estimated_credits=known), V1_TERMS) == most
