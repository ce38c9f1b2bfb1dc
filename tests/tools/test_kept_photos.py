"""Where photos are sent with the training, they are prepared free and wait on this machine, no longer than they may."""

from __future__ import annotations

import shutil
import stat
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apiframe_studio.api.provider import TrainingCall
from apiframe_studio.forgetting import find_subject, forget_subject
from apiframe_studio.kept_sets import SWEEP_SECONDS
from apiframe_studio.ledger import Answer, NewTraining, Submission
from apiframe_studio.ledger.states import Event, State
from apiframe_studio.sandbox.v2.behaviour import Behaviour

from ..painting import SMALL, jpeg, paint_a_person
from .conftest import START, TRAINING_SECONDS

if TYPE_CHECKING:
    from .conftest import HandClock, Reply, Serving, Session

pytestmark = pytest.mark.slow

ATTRIBUTES: dict[str, Any] = {"gender": "non-binary", "ethnicity": "Mixed", "consent": True}
DAY = 86_400.0
IN_ONE_ERA = pytest.mark.parametrize("era", ["auto"], indirect=True)


@pytest.fixture(scope="session")
def drawn_thirty_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("thirty-one")
    for number in range(1, 32):
        (folder / f"IMG_{number:04}.jpg").write_bytes(jpeg(paint_a_person(number, SMALL)))
    return folder


def _copy(drawn: Path, tmp_path: Path, count: int) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in sorted(drawn.iterdir())[:count]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def photos(drawn_thirty_one: Path, tmp_path: Path) -> Path:
    """As few photos as a training takes."""
    return _copy(drawn_thirty_one, tmp_path, 15)


@pytest.fixture
async def session(serving: Serving) -> AsyncGenerator[Session]:
    async with serving(api="v2") as session:
        yield session


async def _prepare(session: Session, photos: Path, **changes: Any) -> Reply:
    return await session.ask("prepare_photos", **{"paths": [str(photos)], **ATTRIBUTES, **changes})


def _folders(session: Session) -> list[str]:
    folder = session.studio.kept_photos.folder
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def _train(session: Session, ref: str, event: Event = Event.ACCEPTED) -> Submission:
    """Send a training of a kept set, and record what came of it."""
    studio = session.studio
    kept, photos = await studio.kept_sets.load(ref)
    row = await studio.photo_sets.find_trainable(ref)
    assert row is not None
    new = NewTraining(
        None, subject=row.subject, photo_count=row.photo_count, fingerprint=row.fingerprint, set_ref=ref
    )
    training, _ = await studio.ledger.get_or_create(new, studio.clock.now())
    assert training.set_ref == ref
    await studio.ledger.begin_sending(training.ref, studio.clock.now(), 60.0)
    answer = Answer()
    if event is Event.ACCEPTED:
        call = TrainingCall(photos=photos, gender=kept.gender, ethnicity=kept.ethnicity, age=kept.age)
        answer = Answer((await (await studio.provider()).train(call)).task_id)
    recorded = await studio.ledger.record_response(training.ref, 1, event, answer, studio.clock.now())
    assert recorded is not None
    return recorded


async def test_photos_are_kept_on_this_machine_and_nothing_is_sent(session: Session, photos: Path) -> None:
    said = await _prepare(session, photos, subject="Anna", age="early 30s")
    assert session.requests() == 0
    facts = said.facts
    assert (facts["status"], facts["photos"], facts["deduplicated"]) == ("ready", 15, False)
    assert (facts["credits"], facts["training_credits"], facts["credits_left"]) == (0, 257, None)
    assert facts["training_images_id"] == facts["ref"]
    assert facts["ref"].startswith("ps-")
    assert facts["expires_at"] == "2026-09-22T14:13:20Z"
    assert "Nothing has left this machine" in said.text
    assert "This call cost nothing; training on it costs 257 more." in said.text
    assert f"call start_training with training_images_id {facts['ref']} once the user agrees" in said.text
    kept, jpegs = await session.studio.kept_sets.load(facts["ref"])
    assert (kept.gender, kept.ethnicity, kept.age, kept.subject) == (
        "non-binary",
        "Mixed",
        "early 30s",
        "Anna",
    )
    assert kept.expires_at == START + DAY
    assert [jpeg[:3] for jpeg in jpegs] == [b"\xff\xd8\xff"] * 15
    folder = session.studio.kept_photos.folder / facts["ref"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@IN_ONE_ERA
async def test_the_same_photos_return_the_same_set_until_it_expires(session: Session, photos: Path) -> None:
    first = await _prepare(session, photos)
    session.clock.at += DAY - 1
    again = await _prepare(session, photos, subject="Anna")
    assert again.facts["deduplicated"]
    assert (again.facts["ref"], again.facts["expires_at"]) == (first.facts["ref"], first.facts["expires_at"])
    assert again.facts["subject"] == "Anna", "named now"
    session.clock.at += 1
    newer = await _prepare(session, photos)
    assert not newer.facts["deduplicated"]
    assert newer.facts["expires_at"] == "2026-09-23T14:13:20Z"
    assert len(_folders(session)) == 1


@IN_ONE_ERA
async def test_other_attributes_make_another_set(session: Session, photos: Path) -> None:
    first = await _prepare(session, photos)
    other = await _prepare(session, photos, age="25")
    assert other.facts["ref"] != first.facts["ref"]
    assert not other.facts["deduplicated"]
    assert _folders(session) == sorted([first.facts["ref"], other.facts["ref"]])


@IN_ONE_ERA
async def test_without_consent_nothing_is_kept(session: Session, photos: Path) -> None:
    message = await session.refusal(
        "prepare_photos", **{**ATTRIBUTES, "consent": False}, paths=[str(photos)], subject="Anna"
    )
    assert "only with the consent of the subject" in message
    assert _folders(session) == []


@IN_ONE_ERA
async def test_fourteen_photos_are_too_few_and_of_thirty_one_the_best_thirty_are_kept(
    session: Session, drawn_thirty_one: Path, tmp_path: Path
) -> None:
    photos = _copy(drawn_thirty_one, tmp_path, 14)
    message = await session.refusal("prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert "Only 14 of 14 photos would be sent, and a training needs at least 15" in message
    assert "Next: call check_photos" in message
    assert _folders(session) == []
    shutil.rmtree(photos)
    said = await _prepare(session, _copy(drawn_thirty_one, tmp_path, 31))
    assert said.facts["photos"] == 30
    assert len(said.facts["left_out"]) == 1


@IN_ONE_ERA
async def test_attributes_are_text_as_the_service_takes_it(session: Session, photos: Path) -> None:
    for name in ("ethnicity", "age"):
        message = await session.refusal(
            "prepare_photos", **{**ATTRIBUTES, "paths": [str(photos)], name: "x" * 41}
        )
        assert name in message
        assert "40" in message


@IN_ONE_ERA
async def test_expired_sets_are_removed_at_the_first_call_of_a_later_process(
    serving: Serving, photos: Path, clock: HandClock
) -> None:
    async with serving(api="v2") as session:
        ref = (await _prepare(session, photos)).facts["ref"]
        await session.ask("list_trainings")
        assert _folders(session) == [ref]
    clock.at += DAY
    async with serving(api="v2") as session:
        assert _folders(session) == [ref]
        await session.ask("list_trainings")
        assert _folders(session) == []
        message = await session.refusal("start_training", training_images_id=ref)
        assert "not on this machine any more" in message
        assert "call prepare_photos with the same photos again, free" in message
        assert session.paid() == 0


@IN_ONE_ERA
async def test_a_process_that_runs_on_removes_them_too(session: Session, photos: Path) -> None:
    await _prepare(session, photos)
    session.clock.at += DAY + SWEEP_SECONDS
    await session.ask("list_trainings")
    assert _folders(session) == []


@IN_ONE_ERA
async def test_a_damaged_set_is_not_trained_and_preparing_the_photos_again_repairs_it(
    session: Session, photos: Path
) -> None:
    ref = (await _prepare(session, photos)).facts["ref"]
    next((session.studio.kept_photos.folder / ref).glob("*.jpg")).unlink()
    message = await session.refusal("start_training", training_images_id=ref)
    assert "or are damaged, so nothing was sent or paid" in message
    again = await _prepare(session, photos)
    assert (again.facts["ref"], again.facts["deduplicated"]) == (ref, False)
    assert len((await session.studio.kept_sets.load(ref))[1]) == 15


@IN_ONE_ERA
async def test_photos_that_cannot_be_written_are_not_a_set(
    session: Session, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "prepared").write_text("in the way")
    message = await session.refusal("prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert str(tmp_path / "prepared") in message
    (tmp_path / "prepared").unlink()
    assert (await _prepare(session, photos)).facts["status"] == "ready"


@IN_ONE_ERA
async def test_photos_are_removed_once_their_training_is_finished(session: Session, photos: Path) -> None:
    ref = (await _prepare(session, photos)).facts["ref"]
    training = await _train(session, ref)
    session.clock.at += TRAINING_SECONDS / 2
    await session.ask("get_training_status", task_id=training.ref)
    assert _folders(session) == [ref]
    session.clock.at += TRAINING_SECONDS
    assert (await session.ask("get_training_status", task_id=training.ref)).facts["status"] == "finished"
    assert _folders(session) == []
    again = await _prepare(session, photos)
    assert "already exists" in again.text
    await session.ask("get_training_status", task_id=training.ref)
    assert _folders(session) == [ref], "prepared once more on purpose"


@IN_ONE_ERA
async def test_photos_of_a_failed_training_stay_until_the_set_expires(session: Session, photos: Path) -> None:
    ref = (await _prepare(session, photos)).facts["ref"]
    session.sandbox.v2_state.records.set_behaviour(Behaviour(training_fails=True))
    training = await _train(session, ref)
    session.clock.at += 2 * TRAINING_SECONDS
    await session.ask("get_training_status", task_id=training.ref)
    assert _folders(session) == [ref]
    session.clock.at += DAY
    await session.ask("list_trainings")
    assert _folders(session) == []


@IN_ONE_ERA
@pytest.mark.parametrize("event", [Event.UNCLEAR, Event.NOT_SENT])
async def test_photos_stay_beyond_their_end_while_sending_again_may_need_them(
    session: Session, photos: Path, event: Event
) -> None:
    ref = (await _prepare(session, photos)).facts["ref"]
    training = await _train(session, ref, event)
    assert training.state in (State.UNCONFIRMED, State.INTENT)
    session.clock.at += 2 * DAY
    await session.ask("list_trainings")
    assert _folders(session) == [ref]
    assert (await session.studio.photo_sets.find_trainable(ref)) is not None
    await session.ask("resolve_training", ref=training.ref, decision="give_up")
    session.clock.at += SWEEP_SECONDS
    await session.ask("list_trainings")
    assert _folders(session) == []


@IN_ONE_ERA
async def test_forgetting_a_subject_removes_the_photos_that_wait(session: Session, photos: Path) -> None:
    studio = session.studio
    ref = (await _prepare(session, photos, subject="Anna")).facts["ref"]
    kept = await _prepare(session, photos, age="25", subject="Ben")
    known = await find_subject("anna", studio.ledger, studio.image_store)
    assert known.kept_sets == [ref]
    forgotten = await forget_subject("anna", studio.ledger, studio.image_store, session.clock.now())
    assert (forgotten.kept_sets, forgotten.not_removed) == (1, [])
    assert _folders(session) == [kept.facts["ref"]]
    assert await studio.ledger.find_set(ref) is None
    assert await studio.ledger.find_set(kept.facts["ref"]) is not None


@IN_ONE_ERA
async def test_forgetting_a_subject_removes_the_photos_of_its_trainings(
    session: Session, photos: Path
) -> None:
    studio = session.studio
    ref = (await _prepare(session, photos)).facts["ref"]
    training = await _train(session, ref)
    await studio.ledger.rename(training.ref, "Anna")
    await forget_subject("Anna", studio.ledger, studio.image_store, session.clock.now())
    assert _folders(session) == []


def test_the_tool_says_that_it_is_free_and_local() -> None:
    from apiframe_studio.api.v1.terms import V1_TERMS
    from apiframe_studio.api.v2.terms import V2_TERMS
    from apiframe_tools import build_tools

    described = {
        terms.generation: next(tool for tool in build_tools(terms) if tool.name == "prepare_photos")
        for terms in (V1_TERMS, V2_TERMS)
    }
    assert "Free: they stay on this machine, for about a day" in described["v2"].description
    assert "Uploads them for 2 credits" in described["v1"].description
    hints = [described[each].annotations for each in ("v1", "v2")]
    assert [hint.open_world_hint for hint in hints if hint] == [True, False]


async def test_prepared_photos_are_sent_by_a_training_and_removed_at_its_end(
    session: Session, photos: Path
) -> None:
    session.clock.runs = True
    ref = (await _prepare(session, photos, subject="Anna")).facts["training_images_id"]
    started = await session.ask("start_training", training_images_id=ref)
    assert session.paid() == 1
    assert _folders(session) == [ref]
    session.clock.at += 2 * TRAINING_SECONDS
    done = await session.ask("get_training_status", task_id=started.facts["ref"])
    assert (done.facts["status"], done.facts["subject"]) == ("finished", "Anna")
    assert _folders(session) == []
    again = await session.ask("start_training", training_images_id=ref)
    assert (again.facts["deduplicated"], session.paid()) == (True, 1)
