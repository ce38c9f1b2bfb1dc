"""The same photos are the same, whichever upload they came from: said before paying, trained again on purpose only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp.types import ElicitResult

from apiframe_studio.ledger import Kind, NewSubmission

from .conftest import TRAINING_SECONDS
from .illustrated import show

if TYPE_CHECKING:
    from .conftest import HandClock, Serving, Talk

PERSON: dict[str, Any] = {"gender": "female", "ethnicity": "white", "consent": True, "subject": "Anna"}
DAY = 25 * 3600


async def _prepare(talk: Talk, photos: Path) -> dict[str, Any]:
    prepared = await show(talk, "prepare_photos", paths=[str(photos)], **PERSON)
    return {**prepared.facts, "text": prepared.text}


async def _train(talk: Talk, photos: Path) -> dict[str, Any]:
    """Train the photos to the end; returns the status."""
    prepared = await _prepare(talk, photos)
    begun = await show(talk, "start_training", training_images_id=prepared["training_images_id"])
    talk.clock.at += TRAINING_SECONDS
    return (await show(talk, "get_training_status", task_id=begun.facts["ref"])).facts


async def test_photos_of_an_expired_set_are_not_trained_again_without_a_word(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    async with serving() as talk:
        trained = await _train(talk, photos)
        clock.at += DAY
        prepared = await _prepare(talk, photos)
        again = await show(talk, "start_training", training_images_id=prepared["training_images_id"])
        assert talk.asked("/ai-photo-train") == 1
        on_purpose = await show(
            talk,
            "start_training",
            training_images_id=prepared["training_images_id"],
            idempotency_key="once more",
        )
        assert talk.asked("/ai-photo-train") == 2
    assert trained["status"] == "finished"
    for said in (prepared["text"], again.text):
        assert trained["trigger_word"] in said
        assert "2026-09-21" in said, "when"
        assert trained["ref"] in said
        assert "idempotency_key" in said
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

    async with serving(answers=yes) as talk:
        trained = await _train(talk, photos)
        clock.at += DAY
        prepared = await _prepare(talk, photos)
        await show(talk, "start_training", training_images_id=prepared["training_images_id"])
        assert len(asked) == 3, "nothing is asked about a training that is there"
        await show(
            talk, "start_training", training_images_id=prepared["training_images_id"], idempotency_key="more"
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
    async with serving() as talk:
        first = await _prepare(talk, photos)
        begun = await show(
            talk, "start_training", training_images_id=first["training_images_id"], idempotency_key="once"
        )
        clock.at += DAY
        second = await _prepare(talk, photos)
        again = await show(
            talk, "start_training", training_images_id=second["training_images_id"], idempotency_key="once"
        )
        assert talk.asked("/ai-photo-train") == 1
    assert again.facts["ref"] == begun.facts["ref"]


async def _two_sets_and_one_that_waits(talk: Talk, photos: Path) -> tuple[str, str]:
    """Two sets of the same photos; a training of the first waits to be sent."""
    old: str = (await _prepare(talk, photos))["training_images_id"]
    ledger = talk.studio.ledger
    upload = await ledger.find(old, talk.clock.now())
    assert upload is not None
    waits = NewSubmission(
        Kind.TRAINING, ledger.service, ledger.owner, about=old, fingerprint=upload.fingerprint
    )
    await ledger.admit(waits, talk.clock.now())
    other = await show(talk, "prepare_photos", paths=[str(photos)], **{**PERSON, "gender": "male"})
    return old, other.facts["training_images_id"]


@pytest.mark.parametrize("era", ["auto"], indirect=True)
@pytest.mark.parametrize("ended", [False, True])
async def test_one_that_waits_to_be_sent_is_not_sent_beside_another_of_the_same_photos(
    serving: Serving, clock: HandClock, photos: Path, ended: bool
) -> None:
    clock.runs = True
    async with serving() as talk:
        old, new = await _two_sets_and_one_that_waits(talk, photos)
        begun = await show(talk, "start_training", training_images_id=new)
        if ended:
            clock.at += TRAINING_SECONDS
            await show(talk, "get_training_status", task_id=begun.facts["ref"])
        again = await show(talk, "start_training", training_images_id=old)
        assert talk.asked("/ai-photo-train") == 1
    assert begun.facts["training_images_id"] == new
    assert again.facts["ref"] == begun.facts["ref"]


@pytest.mark.parametrize("era", ["auto"], indirect=True)
async def test_two_sets_of_the_same_photos_are_trained_once_when_both_are_asked_for_at_once(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    refs: list[str] = []

    async with serving() as talk:

        async def start(training_images_id: str) -> None:
            begun = await talk.ask("start_training", training_images_id=training_images_id)
            refs.append(begun.facts["ref"])

        sets = await _two_sets_and_one_that_waits(talk, photos)
        async with anyio.create_task_group() as group:
            for training_images_id in sets:
                group.start_soon(start, training_images_id)
        assert talk.asked("/ai-photo-train") == 1
    assert len(refs) == 2
    assert len(set(refs)) == 1
