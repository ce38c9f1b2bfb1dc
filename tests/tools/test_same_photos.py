"""The same photos from different uploads count as the same, and are trained again only on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp.types import ElicitResult

from apiframe_studio.ledger import NewTraining

from .conftest import TRAINING_SECONDS
from .illustrated import show

if TYPE_CHECKING:
    from .conftest import HandClock, Serving, Session

pytestmark = pytest.mark.slow

ATTRIBUTES: dict[str, Any] = {"gender": "female", "ethnicity": "white", "consent": True, "subject": "Anna"}
DAY = 25 * 3600


async def _prepare(session: Session, photos: Path) -> dict[str, Any]:
    prepared = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    return {**prepared.facts, "text": prepared.text}


async def _train(session: Session, photos: Path) -> dict[str, Any]:
    """Train on the photos until finished and return the status."""
    prepared = await _prepare(session, photos)
    begun = await show(session, "start_training", training_images_id=prepared["training_images_id"])
    session.clock.at += TRAINING_SECONDS
    return (await show(session, "get_training_status", task_id=begun.facts["ref"])).facts


async def test_photos_of_an_expired_set_are_not_trained_again_without_a_question(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    async with serving() as session:
        trained = await _train(session, photos)
        clock.at += DAY
        prepared = await _prepare(session, photos)
        again = await show(session, "start_training", training_images_id=prepared["training_images_id"])
        assert session.asked("/ai-photo-train") == 1
        on_purpose = await show(
            session,
            "start_training",
            training_images_id=prepared["training_images_id"],
            idempotency_key="once more",
        )
        assert session.asked("/ai-photo-train") == 2
    assert trained["status"] == "finished"
    for shown in (prepared["text"], again.text):
        assert trained["trigger_word"] in shown
        assert "2026-09-21" in shown, "when"
        assert trained["ref"] in shown
        assert "idempotency_key" in shown
    assert f"Next: call get_training_status with task_id {trained['ref']}" in prepared["text"]
    assert (again.facts["ref"], again.facts["deduplicated"]) == (trained["ref"], True)
    assert "cost nothing" in again.text
    assert on_purpose.facts["ref"] != trained["ref"]


async def test_the_question_before_an_upload_says_that_the_photos_were_trained(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    asked: list[str] = []

    async def yes(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"agreed": True})

    async with serving(answers=yes) as session:
        trained = await _train(session, photos)
        clock.at += DAY
        prepared = await _prepare(session, photos)
        await show(session, "start_training", training_images_id=prepared["training_images_id"])
        assert len(asked) == 3, "nothing is asked about a training that is there"
        await show(
            session,
            "start_training",
            training_images_id=prepared["training_images_id"],
            idempotency_key="more",
        )
    assert "already" not in asked[0]
    for question in asked[2:]:
        assert trained["trigger_word"] in question
        assert "2026-09-21" in question
    assert len(asked) == 4


@pytest.mark.parametrize("era", ["auto"], indirect=True)
async def test_the_key_of_a_training_finds_it_from_another_upload_of_the_same_photos(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    async with serving() as session:
        first = await _prepare(session, photos)
        begun = await show(
            session, "start_training", training_images_id=first["training_images_id"], idempotency_key="once"
        )
        clock.at += DAY
        second = await _prepare(session, photos)
        again = await show(
            session, "start_training", training_images_id=second["training_images_id"], idempotency_key="once"
        )
        assert session.asked("/ai-photo-train") == 1
    assert again.facts["ref"] == begun.facts["ref"]


async def _two_sets_and_one_that_waits(session: Session, photos: Path) -> tuple[str, str]:
    """Two sets of the same photos, with a training of the first one waiting to be sent."""
    old: str = (await _prepare(session, photos))["training_images_id"]
    ledger = session.studio.ledger
    upload = await ledger.find(old, session.clock.now())
    assert upload is not None
    waits = NewTraining(parent_task_id=old, fingerprint=upload.fingerprint)
    await ledger.get_or_create(waits, session.clock.now())
    other = await show(session, "prepare_photos", paths=[str(photos)], **{**ATTRIBUTES, "gender": "male"})
    return old, other.facts["training_images_id"]


@pytest.mark.parametrize("era", ["auto"], indirect=True)
@pytest.mark.parametrize("ended", [False, True])
async def test_a_waiting_training_is_not_sent_next_to_another_one_of_the_same_photos(
    serving: Serving, clock: HandClock, photos: Path, ended: bool
) -> None:
    clock.runs = True
    async with serving() as session:
        old, new = await _two_sets_and_one_that_waits(session, photos)
        begun = await show(session, "start_training", training_images_id=new)
        if ended:
            clock.at += TRAINING_SECONDS
            await show(session, "get_training_status", task_id=begun.facts["ref"])
        again = await show(session, "start_training", training_images_id=old)
        assert session.asked("/ai-photo-train") == 1
    assert begun.facts["training_images_id"] == new
    assert again.facts["ref"] == begun.facts["ref"]


@pytest.mark.parametrize("era", ["auto"], indirect=True)
async def test_concurrent_requests_for_two_sets_of_the_same_photos_train_once(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    refs: list[str] = []

    async with serving() as session:

        async def start(training_images_id: str) -> None:
            begun = await session.ask("start_training", training_images_id=training_images_id)
            refs.append(begun.facts["ref"])

        sets = await _two_sets_and_one_that_waits(session, photos)
        async with anyio.create_task_group() as group:
            for training_images_id in sets:
                group.start_soon(start, training_images_id)
        assert session.asked("/ai-photo-train") == 1
    assert len(refs) == 2
    assert len(set(refs)) == 1
