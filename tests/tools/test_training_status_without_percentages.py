"""The status of a training where the service reports no percentage: an estimate, and what became of it elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from apiframe_studio.sandbox.v2.behaviour import Behaviour

from .conftest import Serving, Session, compact
from .kept import keep_set


@pytest.fixture
async def session(serving: Serving) -> AsyncGenerator[Session]:
    async with serving(api="v2") as session:
        yield session


async def start(session: Session) -> str:
    started = await session.ask("start_training", training_images_id=await keep_set(session))
    return str(started.facts["task_id"])


async def test_no_tool_has_a_percentage(session: Session) -> None:
    task_id = await start(session)
    for tool in (await session.client.list_tools()).tools:
        assert "percentage" not in compact(tool.output_schema)
    assert "percentage" not in (await session.ask("get_training_status", task_id=task_id)).facts
    assert "percentage" not in (await session.ask("list_trainings")).facts["trainings"][0]


async def test_the_time_left_is_estimated_from_what_the_service_names_as_usual(session: Session) -> None:
    task_id = await start(session)
    session.clock.at += 500
    status = await session.ask("get_training_status", task_id=task_id)
    assert status.facts["eta_seconds"] == 700
    assert "About 12 minutes left." in status.text
    assert f"call get_training_status with task_id {task_id} in 12 minutes" in status.text


async def test_a_failed_training_says_what_comes_back_and_what_was_there_before(serving: Serving) -> None:
    async with serving(api="v2", behaviour=Behaviour(training_fails=True)) as session:
        task_id = await start(session)
        session.clock.at += 1_100
        status = await session.ask("get_training_status", task_id=task_id)
        assert "Apiframe documents that 255 credits of a failed training come back." in status.text
        assert "Before it the account had 12000 credits; get_account shows the credits left." in status.text


async def test_a_training_deleted_elsewhere_keeps_its_word_and_makes_no_images(session: Session) -> None:
    task_id = await start(session)
    session.clock.at += 1_100
    session.sandbox.v2_state.records.change_lora(task_id, archived_at=session.clock.at)
    status = await session.ask("get_training_status", task_id=task_id)
    assert status.facts["trigger_word"] in status.text
    assert "It was deleted at the service, so it makes no more images." in status.text
    paid = session.paid()
    message = await session.refusal("generate_photos", prompt="at sea", task_id=task_id)
    assert "cannot make images" in message
    assert session.paid() == paid


async def test_ready_without_a_word_is_looked_at_again(serving: Serving) -> None:
    async with serving(api="v2", behaviour=Behaviour(late_trigger_word=True)) as session:
        task_id = await start(session)
        session.clock.at += 1_100
        first = await session.ask("get_training_status", task_id=task_id)
        assert first.facts["trigger_word"] is None
        again = await session.ask("get_training_status", task_id=task_id)
        assert again.facts["trigger_word"] is not None


async def test_many_status_checks_are_two_requests(session: Session) -> None:
    task_ids = [await start(session)]
    for number in range(1, 9):
        ref = await keep_set(session, print_=f"{number:x}")
        started = await session.ask("start_training", training_images_id=ref)
        task_ids.append(started.facts["task_id"])
    before = session.requests()
    listed = await session.ask("list_trainings")
    assert listed.facts["total"] == len(task_ids)
    assert session.requests() - before <= 2
