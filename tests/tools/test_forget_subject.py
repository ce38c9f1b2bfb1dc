"""forget_subject removes a subject only after the user agreed, and says what went and what remains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Serving, Session
from .kept import keep_set
from .test_confirming import NOES, YES, User

pytestmark = pytest.mark.slow


async def _train(session: Session, api: str) -> None:
    """Train a model of Anna and make an image with it."""
    name = await keep_set(session) if api == "v2" else "sandbox-person"
    await session.ask("start_training", training_images_id=name, subject="Anna")
    session.clock.at += 1_100
    await session.ask("get_training_status", subject="Anna")
    session.clock.runs = True
    await session.call("generate_photos", subject="Anna", prompt="by the sea")


def _portraits(folder: Path) -> list[Path]:
    return [path for path in (folder / "portraits").rglob("*") if path.is_file()]


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_it_shows_what_would_go_and_removes_it_once_the_name_is_repeated(
    serving: Serving, tmp_path: Path, api: Any
) -> None:
    async with serving(api=api) as session:
        await _train(session, api)
        saved = _portraits(tmp_path)
        shown = await session.ask("forget_subject", subject="anna")
        other = await session.ask("forget_subject", subject="anna", confirm="Hanna")
        assert _portraits(tmp_path) == saved
        done = await session.ask("forget_subject", subject="anna", confirm="ANNA")
        again = await session.refusal("forget_subject", subject="anna", confirm="anna")
        listed = await session.ask("list_trainings")
    assert saved
    assert shown.facts["status"] == other.facts["status"] == "not_confirmed"
    assert "Nothing was removed." in shown.text
    assert f"  1 image in {saved[0].parent}" in shown.text
    assert ("  1 trained model at Apiframe, to be deleted there" in shown.text) == (api == "v2")
    assert "only if they agree, call forget_subject again with confirm 'anna'" in shown.text
    assert (done.facts["status"], done.facts["images"]) == ("forgotten", 1)
    assert done.facts["models_deleted"] == (api == "v2")
    assert ("Apiframe keeps a record of each training" in done.text) == (api == "v2")
    assert _portraits(tmp_path) == []
    assert "No training in this ledger has that subject" in again
    assert "anna" not in listed.text.lower()


async def test_a_user_who_can_be_asked_is_asked_with_what_would_go(serving: Serving, tmp_path: Path) -> None:
    user = User(YES)
    async with serving(answers=user.answers) as session:
        await _train(session, "v1")
        user.asked.clear()
        done = await session.ask("forget_subject", subject="Anna")
    [question] = user.asked
    assert "Data about Anna in the sandbox, to be removed:" in question
    assert done.facts["status"] == "forgotten"
    assert _portraits(tmp_path) == []


@pytest.mark.parametrize("no", NOES)
async def test_nothing_is_removed_when_the_user_says_no_whatever_the_model_says(
    serving: Serving, no: str
) -> None:
    user = User(NOES[no])
    async with serving(answers=user.answers, confirm_spending="never") as session:
        await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
        message = await session.call("forget_subject", subject="Anna", confirm="Anna")
        listed = await session.ask("list_trainings")
    assert len(user.asked) == 1
    assert "othing was removed" in str(message.content)
    assert "Anna" in listed.text


async def test_an_unknown_subject_is_named_as_such_without_a_question(serving: Serving) -> None:
    user = User(YES)
    async with serving(answers=user.answers) as session:
        message = await session.refusal("forget_subject", subject="Berta")
    assert user.asked == []
    assert "No training in this ledger has that subject. Call list_trainings" in message
