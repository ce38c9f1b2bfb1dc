"""Submissions of a service that the present settings do not reach: listed as last known, and nothing is sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apiframe_studio.forgetting import forget_subject
from apiframe_studio.ledger import Kind
from apiframe_studio.sandbox import SANDBOX_URL
from apiframe_studio.subjects import subject_key

from .illustrated import refuse, show

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from .conftest import HandClock, Serving, Session

PERSON: dict[str, Any] = {"gender": "female", "ethnicity": "white", "consent": True, "subject": "Anna"}
ELSEWHERE = "https://elsewhere.invalid"
MADE_AT = f"{SANDBOX_URL} v1"
HERE = f"{ELSEWHERE} v1"
CONFIGURE = f"set APIFRAME_API_KEY and APIFRAME_BASE_URL for {MADE_AT}"


class Earlier:
    """What was made at the first service: a set, a finished training of it, and one that is under way."""

    prepared: dict[str, Any]
    finished: dict[str, Any]
    under_way: dict[str, Any]


@pytest.fixture
async def earlier(serving: Serving, clock: HandClock, photos: Path) -> Earlier:
    clock.runs = True
    made = Earlier()
    async with serving() as session:
        made.prepared = (await show(session, "prepare_photos", paths=[str(photos)], **PERSON)).facts
        set_id = made.prepared["training_images_id"]
        begun = await session.ask("start_training", training_images_id=set_id)
        clock.at += 1001
        made.finished = (await session.ask("get_training_status", task_id=begun.facts["ref"])).facts
        made.under_way = (
            await session.ask("start_training", training_images_id="sandbox-person", subject="Berta")
        ).facts
    return made


@pytest.fixture
async def session(serving: Serving, earlier: Earlier) -> AsyncGenerator[Session]:
    async with serving(base_url=ELSEWHERE) as session:
        yield session
        for name in (
            earlier.finished["task_id"],
            earlier.under_way["task_id"],
            earlier.prepared["training_images_id"],
        ):
            assert not [sent for sent in session.sandbox.store.list_requests() if name in str(sent)]


async def test_a_list_has_the_trainings_of_every_service_as_last_known(
    session: Session, earlier: Earlier
) -> None:
    listed = await session.ask("list_trainings")
    rows = {row["ref"]: row for row in listed.facts["trainings"]}
    assert rows.keys() == {earlier.finished["ref"], earlier.under_way["ref"]}
    assert rows[earlier.finished["ref"]]["trigger_word"] == earlier.finished["trigger_word"]
    assert (rows[earlier.under_way["ref"]]["status"], rows[earlier.under_way["ref"]]["stale"]) == (
        "queued",
        True,
    )
    assert f"Requests made at {MADE_AT} are shown as last known." in listed.text
    assert session.requests() == 0


@pytest.mark.parametrize("tool", ["get_training_status", "wait_for_training"])
async def test_status_and_wait_return_the_last_known_state_at_once(
    session: Session, earlier: Earlier, tool: str
) -> None:
    for _ in range(3):
        reply = await session.ask(tool, task_id=earlier.under_way["task_id"])
        assert reply.facts["status"] == "queued"
        assert f"It was made at {MADE_AT}, which this server does not use" in reply.text
        assert CONFIGURE in reply.facts["next_step"]
        assert len(reply.facts["warnings"]) == 1
    reply = await session.ask(tool, subject="Anna")
    word = earlier.finished["trigger_word"]
    assert reply.facts["trigger_word"] == word
    assert reply.facts["next_step"].startswith(
        f"tell the user the trigger word {word}, and ask the user to set"
    )
    assert session.requests() == 0


async def test_images_of_its_training_are_refused_with_the_service_that_is_needed(
    session: Session, earlier: Earlier
) -> None:
    for name in ({"subject": "Anna"}, {"task_id": earlier.finished["task_id"]}):
        said = await refuse(session, "generate_photos", prompt="by the sea", **name)
        assert f"The training (ref {earlier.finished['ref']}) was made at {MADE_AT}" in said
        assert CONFIGURE in said
    assert session.requests() == 0


@pytest.mark.parametrize(
    "decision",
    [{"decision": "accepted", "task_id": "another-0123456789"}, {"decision": "send_again"}],
    ids=str,
)
async def test_a_decision_that_would_send_is_refused(
    session: Session, earlier: Earlier, decision: dict[str, str]
) -> None:
    said = await session.refusal("resolve_training", ref=earlier.under_way["ref"], **decision)
    assert f"was made at {MADE_AT}" in said
    assert "nothing was sent or changed" in said
    assert CONFIGURE in said
    assert session.requests() == 0


async def test_giving_up_needs_no_service(session: Session, earlier: Earlier, clock: HandClock) -> None:
    clock.at += 25 * 3600
    reply = await session.ask("resolve_training", ref=earlier.under_way["ref"], decision="give_up")
    assert reply.facts["status"] == "abandoned"
    assert session.requests() == 0


async def test_its_id_is_not_imported_from_here(session: Session, earlier: Earlier) -> None:
    said = await session.refusal(
        "resolve_training", ref="Carla", decision="accepted", task_id=earlier.under_way["task_id"]
    )
    assert f"was made at {MADE_AT}" in said
    assert session.requests() == 0


async def test_its_set_is_not_trained_here(session: Session, earlier: Earlier) -> None:
    for name in (earlier.prepared["training_images_id"], earlier.prepared["ref"]):
        said = await session.refusal("start_training", training_images_id=name)
        assert f"The photo upload (ref {earlier.prepared['ref']}) was made at {MADE_AT}" in said
        assert CONFIGURE in said
    assert session.requests() == 0


async def test_its_photos_are_prepared_again_here_and_the_earlier_training_is_named(
    session: Session, earlier: Earlier, photos: Path
) -> None:
    shown = await show(session, "prepare_photos", paths=[str(photos)], **PERSON)
    assert shown.facts["deduplicated"] is False
    assert shown.facts["training_images_id"] != earlier.prepared["training_images_id"]
    assert f"A training with these photos already exists at {MADE_AT}: started" in shown.text
    assert "Training them here is a new training, at full price." in shown.text
    assert shown.facts["next_step"].startswith(
        f"call start_training with training_images_id {shown.facts['training_images_id']} once the user agrees"
    )
    begun = await session.ask("start_training", training_images_id=shown.facts["training_images_id"])
    assert begun.facts["deduplicated"] is False
    [row] = (await session.studio.ledger.page(Kind.TRAINING, session.clock.now(), here=True, limit=5)).rows
    assert row.service == HERE


async def test_forgetting_a_subject_removes_its_rows_of_every_service(
    session: Session, earlier: Earlier
) -> None:
    studio = session.studio
    forgotten = await forget_subject("Anna", studio.ledger, studio.image_store, studio.clock.now())
    assert forgotten.records == 2
    assert set(forgotten.still_at_the_service) == {
        earlier.finished["task_id"],
        earlier.prepared["training_images_id"],
    }
    assert subject_key("Anna") not in await studio.ledger.subjects("", limit=5)
    assert session.requests() == 0
