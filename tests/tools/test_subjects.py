"""A training named by its subject: the newest, and the others are named, since two people may have one name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apiframe_studio.ledger import Answer, Kind, NewSubmission, Observation
from apiframe_studio.submission import Event, State

from .illustrated import show

if TYPE_CHECKING:
    from .conftest import Talk

WAYS = ["get_training_status", "wait_for_training"]


async def _know_the_set(talk: Talk, photos: int) -> None:
    """The ready-made set of the sandbox as one that was prepared from here, of so many photos."""
    ledger, now = talk.studio.ledger, talk.clock.now()
    new = NewSubmission(
        Kind.UPLOAD, ledger.service, ledger.owner, about=f"print of {photos}", photos=photos, credits=2.0
    )
    row, _ = await ledger.admit(new, now)
    sending = await ledger.begin_sending(row.ref, now, 30.0)
    assert sending is not None
    await ledger.settle(sending, Event.ACCEPTED, Answer(task_id="sandbox-person"), now)
    await ledger.observe(row.ref, Observation(now, State.FINISHED, expires_at=now + 1e9))


async def _train(talk: Talk, key: str, subject: str = "Anna") -> dict[str, Any]:
    begun = await talk.ask(
        "start_training", training_images_id="sandbox-person", subject=subject, idempotency_key=key
    )
    talk.clock.at += 1001
    return (await talk.ask("get_training_status", task_id=begun.facts["task_id"])).facts


@pytest.mark.parametrize("tool", WAYS)
async def test_a_subject_stands_for_its_newest_training_and_the_others_are_named(
    talk: Talk, tool: str
) -> None:
    await _know_the_set(talk, 12)
    older = await _train(talk, "first")
    talk.clock.at += 20 * 3600
    newer = await _train(talk, "second", "ANNA ")
    heard = await talk.ask(tool, subject="anna")
    assert (heard.facts["task_id"], heard.facts["trigger_word"]) == (newer["task_id"], newer["trigger_word"])
    [warning] = heard.facts["warnings"]
    assert "This is the newest training of ANNA. Others with the same name:" in warning
    assert (
        f"{older['task_id']} (2026-09-21, 12 photos, finished, trigger word {older['trigger_word']})"
        in warning
    )
    assert warning in heard.text
    assert newer["task_id"] not in warning


@pytest.mark.parametrize("tool", WAYS)
async def test_a_subject_with_one_training_is_followed_without_a_task_id(talk: Talk, tool: str) -> None:
    begun = await talk.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    await talk.refusal("start_training", training_images_id="sandbox-expired", subject="Anna")
    talk.clock.at += 1001
    heard = await talk.ask(tool, subject="Anna")
    assert (heard.facts["ref"], heard.facts["status"]) == (begun.facts["ref"], "finished")
    assert heard.facts["warnings"] == []


@pytest.mark.parametrize("tool", WAYS)
@pytest.mark.parametrize("arguments", [{}, {"task_id": "a", "subject": "Anna"}])
async def test_a_training_is_named_in_exactly_one_way(
    talk: Talk, tool: str, arguments: dict[str, str]
) -> None:
    said = await talk.refusal(tool, **arguments)
    assert said.startswith("Pass either task_id or subject. list_trainings shows both.")


@pytest.mark.parametrize("tool", WAYS)
async def test_an_unknown_subject_is_told_where_the_known_ones_are(talk: Talk, tool: str) -> None:
    assert "No training in this ledger has that subject. Call list_trainings" in await talk.refusal(
        tool, subject="Nobody"
    )


async def test_images_of_a_name_that_two_share_are_of_the_newest_and_name_the_others(talk: Talk) -> None:
    await _know_the_set(talk, 12)
    older = await _train(talk, "first")
    newer = await _train(talk, "second")
    await talk.ask(
        "start_training", training_images_id="sandbox-person", subject="Anna", idempotency_key="third"
    )
    made = await show(talk, "generate_photos", subject="Anna", prompt="by the sea")
    assert made.facts["trigger_word"] == newer["trigger_word"]
    [warning] = made.facts["warnings"]
    assert f"{older['task_id']} (2026-09-21, 12 photos, finished" in warning
    assert "To use another one, pass its task_id." in made.text
    by_id = await show(talk, "generate_photos", task_id=older["task_id"], prompt="by the sea")
    assert (by_id.facts["trigger_word"], by_id.facts["warnings"]) == (older["trigger_word"], [])
