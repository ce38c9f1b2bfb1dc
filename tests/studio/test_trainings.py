"""Trainings as Python, with a service that returns what the test says and a real ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import stamina
from pydantic import SecretStr

from apiframe_studio.api.errors import ApiframeError, InvalidKey
from apiframe_studio.api.http import fetch_batcher
from apiframe_studio.errors import NothingToResolve, TaskIdMissing, UnknownTraining, WrongKind
from apiframe_studio.ledger import Kind
from apiframe_studio.ledger.errors import KeyReused, UnknownCursor
from apiframe_studio.ledger.states import State
from apiframe_studio.reconciler import Decision
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.training import Note, Training
from apiframe_studio.trainings import TrainingRequest

from .api.conftest import Service
from .stepped_clock import SteppedClock

KEY = SecretStr("v1-key-of-a-test-0123456789")
REQUEST = TrainingRequest("images-1", "TOKSIS", "Anna")
UNCLEAR: object = (500, {})
RUNNING = {"status": "processing", "percentage": "40", "message": "Training is in progress"}
FINISHED = {"status": "finished", "percentage": 100, "trigger_word": "TOKIKD", "message": "Training finished"}


@pytest.fixture
def service() -> Service:
    """Accepts every training, each under the next number, and reports that all of them are running."""
    taken: list[Any] = []

    def train(asked: Any) -> object:
        taken.append(asked)
        return {"task_id": f"train-{len(taken):04d}"}

    def fetch(asked: Any) -> object:
        return {**RUNNING, "task_id": asked["task_id"]}

    def fetch_many(asked: Any) -> object:
        return {"tasks": [{**RUNNING, "task_id": task_id} for task_id in asked["task_ids"]]}

    return Service({"/ai-photo-train": train, "/fetch": fetch, "/fetch-many": fetch_many})


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def studio(service: Service, clock: SteppedClock, tmp_path: Path) -> AsyncIterator[Studio]:
    plan = StudioConfig(
        tmp_path / "ledger.sqlite3", "https://service.invalid", KEY, app_factory=lambda: service
    )
    made = Studio(plan, clock)
    # Against hanging only: thirty starts are ninety synced commits, which take long on a busy disk.
    with stamina.set_testing(True, attempts=1), anyio.fail_after(60):
        yield made
    await made.aclose()


def paid(service: Service) -> int:
    return service.paths.count("/ai-photo-train")


async def unconfirmed(studio: Studio, service: Service, request: TrainingRequest = REQUEST) -> Training:
    accepts, service.answers["/ai-photo-train"] = service.answers["/ai-photo-train"], UNCLEAR
    training = await studio.trainings.start(request)
    service.answers["/ai-photo-train"] = accepts
    assert training.state is State.UNCONFIRMED
    return training


# -- starting ----------------------------------------------------------------------------------------------


async def test_a_start_returns_at_once_without_a_status_check(studio: Studio, service: Service) -> None:
    training = await studio.trainings.start(REQUEST)
    assert (training.state, training.task_id, training.subject) == (State.QUEUED, "train-0001", "Anna")
    assert (training.trigger_word, training.checked_at, training.deduplicated) == (None, None, False)
    assert service.asked == [
        ("/ai-photo-train", {"training_images_id": "images-1", "trigger_word": "TOKSIS"})
    ]


async def test_only_given_fields_are_sent(studio: Studio, service: Service) -> None:
    await studio.trainings.start(TrainingRequest("images-1"))
    hook = TrainingRequest("images-2", webhook_url="https://example.com/h", webhook_secret=SecretStr("s" * 9))
    await studio.trainings.start(hook)
    assert [body for _, body in service.asked] == [
        {"training_images_id": "images-1"},
        {"training_images_id": "images-2", "webhook_url": "https://example.com/h", "webhook_secret": "s" * 9},
    ]


@pytest.mark.parametrize(
    "again",
    [
        REQUEST,
        TrainingRequest("images-1", "TOKSIS", "Another name"),
        TrainingRequest("images-1", "TOKSIS", webhook_url="https://example.com/h"),
        TrainingRequest("images-1", "TOKSIS", idempotency_key="key-1"),
        TrainingRequest("images-1", "TOKBRO"),
        TrainingRequest("images-1"),
    ],
)
async def test_the_same_photos_are_paid_for_once(
    studio: Studio, service: Service, again: TrainingRequest
) -> None:
    first = await studio.trainings.start(REQUEST)
    second = await studio.trainings.start(again)
    assert (second.ref, second.deduplicated, second.subject) == (first.ref, True, "Anna")
    assert (Note.OTHER_WORD in second.notes) == (again.trigger_word != "TOKSIS")
    assert paid(service) == 1


async def test_a_finished_training_is_repeated_only_with_a_new_key(studio: Studio, service: Service) -> None:
    keyed = TrainingRequest("images-1", "TOKSIS", idempotency_key="key-1")
    first = await studio.trainings.start(keyed)
    service.answers["/fetch"] = {**FINISHED, "task_id": first.task_id}
    assert first.ref
    assert (await studio.trainings.check(first.ref)).state is State.FINISHED
    for known in (REQUEST, keyed):
        assert (await studio.trainings.start(known)).deduplicated
    second = await studio.trainings.start(TrainingRequest("images-1", "TOKSIS", idempotency_key="key-2"))
    assert (second.deduplicated, second.task_id) == (False, "train-0002")
    with pytest.raises(KeyReused):
        await studio.trainings.start(TrainingRequest("images-9", "TOKSIS", idempotency_key="key-1"))
    assert paid(service) == 2


async def test_without_a_key_nothing_is_sent_or_recorded(tmp_path: Path) -> None:
    studio = Studio(StudioConfig(tmp_path / "ledger.sqlite3", "https://service.invalid", SecretStr("")))
    with pytest.raises(InvalidKey):
        await studio.trainings.start(REQUEST)
    assert not (await studio.ledger.page(Kind.TRAINING, 0.0, limit=50)).rows
    await studio.aclose()


async def test_a_call_during_sending_waits_for_the_outcome_of_the_first(
    studio: Studio, service: Service, clock: SteppedClock
) -> None:
    """The other process is a second studio on the same ledger file."""
    other = Studio(studio.config, clock)
    results: list[Training] = []

    async def start(at: Studio) -> None:
        results.append(await at.trainings.start(REQUEST))

    async with anyio.create_task_group() as group:
        group.start_soon(start, studio)
        group.start_soon(start, other)
    await other.aclose()
    assert {result.task_id for result in results} == {"train-0001"}
    assert sorted(result.deduplicated for result in results) == [False, True]
    assert paid(service) == 1


# -- resolving ---------------------------------------------------------------------------------------------


async def test_send_again_is_paid_only_by_the_next_start(studio: Studio, service: Service) -> None:
    doubtful = await unconfirmed(studio, service)
    assert doubtful.ref
    assert (await studio.trainings.start(REQUEST)).state is State.UNCONFIRMED
    decided = await studio.trainings.resolve(doubtful.ref, Decision.SEND_AGAIN)
    assert decided.state is State.INTENT
    assert paid(service) == 1
    again = await studio.trainings.start(REQUEST)
    assert (again.ref, again.state, again.deduplicated) == (doubtful.ref, State.QUEUED, False)
    assert (await studio.trainings.start(REQUEST)).deduplicated
    assert paid(service) == 2


async def test_after_give_up_a_start_is_a_new_training(studio: Studio, service: Service) -> None:
    doubtful = await unconfirmed(studio, service)
    assert doubtful.ref
    assert (await studio.trainings.resolve(doubtful.ref, Decision.GIVE_UP)).state is State.ABANDONED
    second = await studio.trainings.start(REQUEST)
    assert second.ref != doubtful.ref
    listed = await studio.trainings.list()
    assert {training.state for training in listed.trainings} == {State.ABANDONED, State.PROCESSING}


async def test_accepted_needs_an_id_that_the_service_knows(studio: Studio, service: Service) -> None:
    doubtful = await unconfirmed(studio, service)
    assert doubtful.ref
    with pytest.raises(TaskIdMissing):
        await studio.trainings.resolve(doubtful.ref, Decision.ACCEPTED)
    knows, service.answers["/fetch"] = service.answers["/fetch"], (404, {})
    with pytest.raises(UnknownTraining):
        await studio.trainings.resolve(doubtful.ref, Decision.ACCEPTED, "train-typo")
    service.answers["/fetch"] = {"status": "finished", "expires_at": "2027-01-01T00:00:00Z"}
    with pytest.raises(WrongKind):
        await studio.trainings.resolve(doubtful.ref, Decision.ACCEPTED, "upload-1")
    assert (await studio.trainings.check(doubtful.ref)).state is State.UNCONFIRMED
    service.answers["/fetch"] = knows
    resolved = await studio.trainings.resolve(doubtful.ref, Decision.ACCEPTED, "train-0042")
    assert (resolved.state, resolved.task_id, resolved.ref) == (
        State.PROCESSING,
        "train-0042",
        doubtful.ref,
    )


@pytest.mark.parametrize("decision", Decision)
async def test_a_training_under_way_needs_no_decision(studio: Studio, decision: Decision) -> None:
    training = await studio.trainings.start(REQUEST)
    assert training.ref
    with pytest.raises(NothingToResolve):
        await studio.trainings.resolve(training.ref, decision, "train-0001")
    assert (await studio.trainings.check(training.ref)).task_id == "train-0001"


async def test_a_training_started_elsewhere_is_imported_once(studio: Studio) -> None:
    imported = await studio.trainings.resolve("Bruno", Decision.ACCEPTED, "train-elsewhere")
    assert (imported.subject, imported.task_id, imported.state) == (
        "Bruno",
        "train-elsewhere",
        State.PROCESSING,
    )
    assert Note.NEW_IN_LEDGER in imported.notes
    again = await studio.trainings.resolve(" BRUNO", Decision.ACCEPTED, "train-elsewhere")
    assert (again.ref, again.subject) == (imported.ref, "Bruno")
    assert (await studio.trainings.list()).total == 1


@pytest.mark.parametrize(
    ("ref", "decision", "task_id"),
    [
        ("tr-0000000", Decision.ACCEPTED, "train-1"),
        ("Bruno", Decision.GIVE_UP, None),
        ("Bruno", Decision.SEND_AGAIN, "train-1"),
    ],
)
async def test_a_decision_about_an_unknown_submission_is_refused(
    studio: Studio, ref: str, decision: Decision, task_id: str | None
) -> None:
    with pytest.raises(UnknownTraining):
        await studio.trainings.resolve(ref, decision, task_id)
    assert (await studio.trainings.list()).total == 0


# -- polling and listing -----------------------------------------------------------------------------------


async def test_the_reported_trigger_word_is_the_one_that_the_service_returned(
    studio: Studio, service: Service
) -> None:
    training = await studio.trainings.start(REQUEST)
    assert training.ref
    service.answers["/fetch"] = {"status": "COMPLETED", "percentage": 100, "message": "Training finished"}
    early = await studio.trainings.check(training.ref)
    assert (early.state, early.trigger_word, early.notes) == (State.FINISHED, None, (Note.WORD_MISSING,))
    service.answers["/fetch"] = FINISHED
    named = await studio.trainings.check(training.ref)
    assert (named.trigger_word, named.requested_trigger_word) == ("TOKIKD", "TOKSIS")
    assert Note.WORD_DIFFERS in named.notes


async def test_an_unknown_id_is_checked_with_the_service_and_an_unknown_ref_is_not(
    studio: Studio, service: Service
) -> None:
    with pytest.raises(UnknownTraining) as unknown_ref:
        await studio.trainings.check("tr-0000000")
    assert unknown_ref.value.is_ref
    assert service.asked == []
    elsewhere = await studio.trainings.check("train-elsewhere")
    assert (elsewhere.ref, elsewhere.task_id) == (None, "train-elsewhere")
    assert Note.NOT_IN_LEDGER in elsewhere.notes


async def test_a_list_whose_refresh_fails_shows_the_last_known_state_and_its_age(
    studio: Studio, service: Service, clock: SteppedClock
) -> None:
    training = await studio.trainings.start(REQUEST)
    assert training.ref
    seen = await studio.trainings.check(training.ref)
    clock.step(600)
    service.answers["/fetch"] = (503, {})
    (listed,) = (await studio.trainings.list()).trainings
    assert (listed.state, listed.percentage, listed.checked_at) == (State.PROCESSING, 40, seen.checked_at)
    assert Note.NOT_REFRESHED in listed.notes
    with pytest.raises(ApiframeError):
        await studio.trainings.check(training.ref)


async def test_status_checks_of_a_list_share_requests(
    studio: Studio, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough on any machine: calls made during a request wait for each other until it ends.
    monkeypatch.setattr(fetch_batcher, "BATCH_WINDOW_SECONDS", 60.0)
    for number in range(30):
        await studio.trainings.start(TrainingRequest(f"images-{number}"))
    before = len(service.asked)
    page = await studio.trainings.list(limit=50)
    assert {training.state for training in page.trainings} == {State.PROCESSING}
    asked = [1 if path == "/fetch" else len(body["task_ids"]) for path, body in service.asked[before:]]
    assert sum(asked) == 30
    assert len(asked) <= 4


async def test_pages_have_every_training_once_newest_first(studio: Studio, clock: SteppedClock) -> None:
    for number in range(7):
        await studio.trainings.start(TrainingRequest(f"images-{number}"))
        clock.step(1)
    seen: list[str | None] = []
    cursor = None
    while True:
        page = await studio.trainings.list(limit=3, cursor=cursor)
        seen += [training.training_images_id for training in page.trainings]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == [f"images-{number}" for number in reversed(range(7))]
    with pytest.raises(UnknownCursor):
        await studio.trainings.list(cursor="tr-0000000")


async def test_a_list_can_be_filtered_by_subject_and_state(studio: Studio, service: Service) -> None:
    await studio.trainings.start(REQUEST)
    await studio.trainings.start(TrainingRequest("images-2", subject="Bruno"))
    await unconfirmed(studio, service, TrainingRequest("images-3", subject="anna"))
    page = await studio.trainings.list(subject=" ANNA ")
    assert {training.training_images_id for training in page.trainings} == {"images-1", "images-3"}
    page = await studio.trainings.list(status=frozenset({State.UNCONFIRMED}))
    assert [training.training_images_id for training in page.trainings] == ["images-3"]
