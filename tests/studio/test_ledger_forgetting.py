"""A forgotten row keeps no personal data, whatever was under way, and its photos are not paid for again unnoticed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.api.v2.terms import V2_TERMS
from apiframe_studio.forgetting import forget_subject
from apiframe_studio.images import ImageRequest
from apiframe_studio.ledger import (
    Answer,
    Kind,
    NewImages,
    NewTraining,
    NewUpload,
    Observation,
    SavedImage,
    Scope,
)
from apiframe_studio.ledger.errors import SubjectForgotten
from apiframe_studio.ledger.states import Event, State
from apiframe_studio.photo_sets import PhotoSetRequest
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.training import Note
from apiframe_studio.trainings import TrainingRequest

from ..v1_store import Store
from .new_submissions import new_submission
from .stepped_clock import EPOCH, SteppedClock

pytestmark = pytest.mark.slow

PLACE = ("https://service.invalid v1", "local")
SCOPE = Scope(PLACE[1], PLACE[0])
WORDS = ("canary-name", "canary-word", "canary-message", "canary-prompt", "canary-answer", "canary-photos")
PHOTOS = "canary-photos"


def holding(folder: Path) -> dict[str, list[str]]:
    """Return the files that contain a word, in the name or the bytes, and the words."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {
        str(path): [word for word in WORDS if word.encode() in str(path).encode() + path.read_bytes()]
        for path in files
    }
    return {path: words for path, words in found.items() if words}


def test_an_earlier_attempt_found_after_forgetting_is_to_be_deleted_too(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.sqlite3", SCOPE, terms=V2_TERMS)
    row, _ = store.get_or_create(NewTraining("photos", subject="Anna"), EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.record_response(row.ref, 1, Event.UNCLEAR, Answer(), EPOCH)
    store.resolve(row.ref, Event.USER_SAYS_SEND_AGAIN, None, EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.record_response(row.ref, 2, Event.ACCEPTED, Answer(task_id="second"), EPOCH)
    store.forget_subject("Anna", [], EPOCH + 1, lambda _: True)
    store.mark_deleted(row.ref)
    store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="first"), EPOCH + 2)
    left = store.to_delete(EPOCH + 3)
    store.close()
    assert [(one.task_id, one.subject, one.delete_since) for one in left] == [("first", None, EPOCH + 1)]


@pytest.mark.parametrize("kind", Kind)
def test_nothing_recorded_for_a_forgotten_row_leaves_personal_data(kind: Kind, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    store = Store(folder / "ledger.sqlite3", SCOPE)
    new = new_submission(
        kind,
        PHOTOS,
        requested_trigger_word="canary-word",
        attributes_digest="canary-attributes",
        subject="canary-name",
        idempotency_key="canary-key",
        prompt="canary-prompt",
        fingerprint=PHOTOS,
    )
    row, _ = store.get_or_create(new, EPOCH)
    sending = store.begin_sending(row.ref, EPOCH, 50.0)
    assert sending is not None
    assert holding(folder)
    store.forget_subject("", [row.ref], EPOCH + 1)
    assert holding(folder) == {}
    answer = Answer(task_id="task-1", message="canary-message", raw='["canary-answer"]')
    image = SavedImage(row.ref, 1, "/canary-name/1.png", "image/png", EPOCH)
    running, finished = (
        Observation(EPOCH + 3, state, 50.0, "canary-message", "canary-word")
        for state in (State.PROCESSING, State.FINISHED)
    )
    for comes in (
        lambda: store.record_response(row.ref, 1, Event.ACCEPTED, answer, EPOCH + 2),
        lambda: store.rename(row.ref, "canary-name"),
        lambda: store.record_status(row.ref, running),
        lambda: store.record_status(row.ref, finished),
        lambda: store.save_images([image]),
    ):
        comes()
        assert holding(folder) == {}
    assert store.save_images([image]) == [image]
    kept = store.find(row.ref, EPOCH + 4)
    store.close()
    assert holding(folder) == {}
    assert kept is not None
    # What was spent, when, and under which id is kept.
    assert (kept.task_id, kept.state, kept.sent_at) == ("task-1", State.FINISHED, EPOCH)


def test_an_orphan_id_of_a_forgotten_row_is_forgotten_too(tmp_path: Path) -> None:
    store = Store(tmp_path / "data" / "ledger.sqlite3", SCOPE)
    row, _ = store.get_or_create(NewTraining(PHOTOS, "canary-word", "canary-name"), EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.record_response(row.ref, 1, Event.UNCLEAR, Answer(), EPOCH)
    store.resolve(row.ref, Event.USER_SAYS_SEND_AGAIN, None, EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.forget_subject("", [row.ref], EPOCH + 1)
    orphan = store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="late"), EPOCH + 2)
    assert orphan is not None
    store.record_status(orphan.ref, Observation(EPOCH + 3, State.FINISHED, trigger_word="canary-word"))
    store.close()
    assert holding(tmp_path) == {}


def test_an_unsent_row_is_abandoned_when_it_is_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.sqlite3", SCOPE)
    row, _ = store.get_or_create(NewTraining(PHOTOS), EPOCH)
    store.forget_subject("", [row.ref], EPOCH)
    forgotten = store.find(row.ref, EPOCH)
    assert forgotten is not None
    assert forgotten.state is State.ABANDONED
    assert store.begin_sending(row.ref, EPOCH, 50.0) is None
    assert store.get_or_create(NewTraining(PHOTOS), EPOCH)[1]
    store.close()


def test_no_image_is_generated_with_a_training_forgotten_after_it_was_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.sqlite3", SCOPE)
    training, _ = store.import_task(Kind.TRAINING, "task-1", "canary-name", EPOCH)
    images = NewImages("task-1", "digest", subject="canary-name", prompt="by the sea")
    store.forget_subject("", [training.ref], EPOCH)
    with pytest.raises(SubjectForgotten):
        store.get_or_create(images, EPOCH)
    assert store.page(Kind.GENERATION, EPOCH, limit=1000).rows == []
    store.close()


@pytest.mark.parametrize("event", [Event.THROTTLED, Event.NOT_SENT])
def test_a_forgotten_row_that_was_not_accepted_is_abandoned(event: Event, tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.sqlite3", SCOPE)
    new = NewUpload(PHOTOS, "female")
    row, _ = store.get_or_create(new, EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.forget_subject("", [row.ref], EPOCH)
    settled = store.record_response(row.ref, 1, event, Answer(), EPOCH)
    assert settled is not None
    assert settled.state is State.ABANDONED
    assert store.begin_sending(row.ref, EPOCH, 50.0) is None
    assert store.get_or_create(new, EPOCH)[1]
    store.close()


@pytest.mark.parametrize("by", ["the same set", "another set of the same photos"])
def test_forgotten_photos_are_recognised_while_a_payment_may_be_under_way(by: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "data" / "ledger.sqlite3", SCOPE)
    new = NewTraining("canary-photos", fingerprint="canary-photos-print")
    row, _ = store.get_or_create(new, EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="task-1"), EPOCH)
    store.forget_subject("", [row.ref], EPOCH)

    def known() -> list[str]:
        if by == "the same set":
            found = store.find_duplicate(new, EPOCH)
            return [] if found is None else [found.ref]
        return [found.ref for found in store.trainings_of_photos("canary-photos-print", EPOCH)]

    assert known() == [row.ref]
    assert store.get_or_create(new, EPOCH)[1] is False
    assert holding(tmp_path) == {}
    store.record_status(row.ref, Observation(EPOCH + 9, State.FINISHED, trigger_word="canary-word"))
    assert known() == []
    store.close()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def sandbox(clock: SteppedClock) -> Sandbox:
    return Sandbox(clock=clock.now)


class Forgetful:
    """A sandbox, and a process that forgets a subject while a request for `path` is under way."""

    def __init__(self, sandbox: Sandbox, path: str) -> None:
        self.sandbox = sandbox
        self.path = path
        self.studio: Studio
        self.forgets: str | None = None

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if self.forgets and scope["path"].startswith(self.path):
            subject, self.forgets = self.forgets, None
            studio = self.studio
            await forget_subject(subject, studio.ledger, studio.image_store, studio.clock.now())
        await self.sandbox.app(scope, receive, send)


@pytest.fixture(params=["/ai-photo-generate", "/pictures"])
async def forgetful(
    request: pytest.FixtureRequest, sandbox: Sandbox, clock: SteppedClock, tmp_path: Path
) -> AsyncGenerator[Forgetful]:
    service = Forgetful(sandbox, request.param)
    plan = StudioConfig(
        tmp_path / "data" / "ledger.sqlite3",
        SANDBOX_URL,
        SecretStr(SANDBOX_KEY),
        app_factory=lambda: service.app,
        is_sandbox=True,
        photo_folders=(tmp_path / "photos",),
        output_folder=tmp_path / "portraits",
    )
    service.studio = Studio(plan, clock)
    with anyio.fail_after(60):
        yield service
    await service.studio.aclose()
    sandbox.close()


async def trained(service: Forgetful) -> str:
    begun = await service.studio.trainings.start(
        TrainingRequest("sandbox-person", "canary-word", subject="canary-name")
    )
    await service.studio.clock.sleep(1000)
    done = await service.studio.trainings.check(begun.ref or "")
    assert done.trigger_word
    return begun.ref or ""


async def test_images_that_arrive_after_forgetting_are_dropped(forgetful: Forgetful, tmp_path: Path) -> None:
    await trained(forgetful)
    forgetful.forgets = "CANARY-NAME"
    request = ImageRequest("canary-prompt", subject="canary-name", number_of_images=2)
    made = await forgetful.studio.images.generate(request, 20)
    assert forgetful.forgets is None
    assert made.row.forgotten_at is not None
    assert (made.row.state, made.saved, made.missing) == (State.FINISHED, [], 0)
    assert holding(tmp_path) == {}
    assert not (tmp_path / "portraits" / "canary-name").exists()


@pytest.mark.parametrize("forgetful", ["/fetch"], indirect=True)
async def test_a_training_forgotten_under_way_is_tracked_without_its_trigger_word_and_not_paid_again(
    forgetful: Forgetful, sandbox: Sandbox, tmp_path: Path
) -> None:
    studio = forgetful.studio
    request = TrainingRequest("sandbox-person", "canary-word", subject="canary-name")
    begun = await studio.trainings.start(request)
    await forget_subject("canary-name", studio.ledger, studio.image_store, studio.clock.now())
    again = await studio.trainings.start(request)
    assert (again.ref, again.deduplicated, again.subject) == (begun.ref, True, None)
    assert again.notes == (Note.FORGOTTEN,)
    await studio.clock.sleep(1000)
    done = await studio.trainings.check(begun.ref or "")
    assert (done.state, done.trigger_word, done.notes) == (State.FINISHED, None, (Note.FORGOTTEN,))
    assert done.training_images_id is None
    assert sandbox.store.count_paid() == 1
    assert holding(tmp_path) == {}


@pytest.mark.parametrize("forgetful", ["/fetch"], indirect=True)
@pytest.mark.parametrize("while_", ["its set is waited for", "the user is asked"])
async def test_a_subject_forgotten_before_the_training_is_sent_is_neither_trained_nor_recorded_again(
    forgetful: Forgetful, sandbox: Sandbox, photos: Path, tmp_path: Path, while_: str
) -> None:
    studio = forgetful.studio
    of = PhotoSetRequest([str(photos)], "female", "white", subject="canary-name", consent_at=1.0)
    photo_set = await studio.photo_sets.prepare(of, seconds=0)
    paid = sandbox.store.count_paid()
    request = TrainingRequest(photo_set.row.ref, "canary-word", subject="canary-name")
    if while_ == "the user is asked":
        assert await studio.trainings.price(request)
        await forget_subject("canary-name", studio.ledger, studio.image_store, studio.clock.now())
    else:
        forgetful.forgets = "canary-name"
    with pytest.raises(SubjectForgotten):
        await studio.trainings.start(request)
    assert forgetful.forgets is None
    assert sandbox.store.count_paid() == paid
    assert (await studio.ledger.page(Kind.TRAINING, studio.clock.now(), limit=50)).rows == []
    assert holding(tmp_path / "data") == {}
    with pytest.raises(SubjectForgotten):
        await studio.trainings.price(request)
