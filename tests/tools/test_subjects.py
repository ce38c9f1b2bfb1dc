"""A subject means its newest training; the others are listed, because two people may have the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apiframe_studio.ledger import Answer, NewUpload, Observation
from apiframe_studio.ledger.states import Event, State

from .illustrated import show

if TYPE_CHECKING:
    from .conftest import Session

WAYS = ["get_training_status", "wait_for_training"]


async def _know_the_set(session: Session, photos: int) -> None:
    """Record the sandbox's ready set as if it was prepared here from this number of photos."""
    ledger, now = session.studio.ledger, session.clock.now()
    new = NewUpload(fingerprint=f"print of {photos}", photo_count=photos, estimated_credits=2.0)
    row, _ = await ledger.get_or_create(new, now)
    sending = await ledger.begin_sending(row.ref, now, 30.0)
    assert sending is not None
    await ledger.record_response(sending.ref, 1, Event.ACCEPTED, Answer(task_id="sandbox-person"), now)
    await ledger.record_status(row.ref, Observation(now, State.FINISHED, expires_at=now + 1e9))


async def _train(session: Session, key: str, subject: str = "Anna") -> dict[str, Any]:
    begun = await session.ask(
        "start_training", training_images_id="sandbox-person", subject=subject, idempotency_key=key
    )
    session.clock.at += 1001
    return (await session.ask("get_training_status", task_id=begun.facts["task_id"])).facts


@pytest.mark.parametrize("tool", WAYS)
async def test_a_subject_means_its_newest_training_and_the_others_are_listed(
    session: Session, tool: str
) -> None:
    await _know_the_set(session, 12)
    older = await _train(session, "first")
    session.clock.at += 20 * 3600
    newer = await _train(session, "second", "ANNA ")
    reply = await session.ask(tool, subject="anna")
    assert (reply.facts["task_id"], reply.facts["trigger_word"]) == (newer["task_id"], newer["trigger_word"])
    [warning] = reply.facts["warnings"]
    assert "This is the newest training of ANNA. Others with the same name:" in warning
    assert (
        f"{older['task_id']} (2026-09-21, 12 photos, finished, trigger word {older['trigger_word']})"
        in warning
    )
    assert warning in reply.text
    assert newer["task_id"] not in warning


@pytest.mark.parametrize("tool", WAYS)
async def test_a_subject_with_one_training_can_be_tracked_without_a_task_id(
    session: Session, tool: str
) -> None:
    begun = await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    await session.refusal("start_training", training_images_id="sandbox-expired", subject="Anna")
    session.clock.at += 1001
    reply = await session.ask(tool, subject="Anna")
    assert (reply.facts["ref"], reply.facts["status"]) == (begun.facts["ref"], "finished")
    assert reply.facts["warnings"] == []


@pytest.mark.parametrize("tool", WAYS)
@pytest.mark.parametrize("arguments", [{}, {"task_id": "a", "subject": "Anna"}])
async def test_a_training_is_identified_by_exactly_one_argument(
    session: Session, tool: str, arguments: dict[str, str]
) -> None:
    message = await session.refusal(tool, **arguments)
    assert message.startswith("Pass either task_id or subject. list_trainings shows both.")


@pytest.mark.parametrize("tool", WAYS)
async def test_an_unknown_subject_is_answered_with_where_to_find_the_known_ones(
    session: Session, tool: str
) -> None:
    assert "No training in this ledger has that subject. Call list_trainings" in await session.refusal(
        tool, subject="Unknown"
    )


async def test_images_of_a_shared_name_use_the_newest_training_and_list_the_others(session: Session) -> None:
    await _know_the_set(session, 12)
    older = await _train(session, "first")
    newer = await _train(session, "second")
    await session.ask(
        "start_training", training_images_id="sandbox-person", subject="Anna", idempotency_key="third"
    )
    made = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
    assert made.facts["trigger_word"] == newer["trigger_word"]
    [warning] = made.facts["warnings"]
    assert f"{older['task_id']} (2026-09-21, 12 photos, finished" in warning
    assert "To use another one, pass its task_id." in made.text
    by_id = await show(session, "generate_photos", task_id=older["task_id"], prompt="by the sea")
    assert (by_id.facts["trigger_word"], by_id.facts["warnings"]) == (older["trigger_word"], [])
