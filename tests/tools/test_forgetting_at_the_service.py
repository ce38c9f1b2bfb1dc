"""Forgetting a subject deletes the trained models at the service, now or as soon as that is possible."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pydantic import SecretStr

from apiframe_studio.deletions import DeletionReport
from apiframe_studio.forgetting import find_subject, forget_subject
from apiframe_studio.ledger import Kind, Submission
from apiframe_studio.sandbox.v2.behaviour import Behaviour
from apiframe_studio.sandbox.v2.records import Lora

from .conftest import Serving, Session
from .kept import keep_set


@pytest.fixture
async def session(serving: Serving) -> AsyncGenerator[Session]:
    async with serving(api="v2") as session:
        yield session


async def train(session: Session, *, is_finished: bool = True) -> str:
    started = await session.ask("start_training", training_images_id=await keep_set(session))
    if is_finished:
        session.clock.at += 1_100
        await session.ask("get_training_status", subject="Anna")
    return str(started.facts["task_id"])


async def forget(session: Session) -> None:
    studio = session.studio
    await forget_subject("Anna", studio.ledger, studio.image_store, studio.clock.now())


def status(session: Session, task_id: str) -> str:
    lora = session.sandbox.v2_state.records.find(task_id)
    assert isinstance(lora, Lora)
    return lora.status(session.clock.at)


async def left(session: Session) -> list[Submission]:
    return list(await session.studio.ledger.to_delete(session.clock.at))


async def test_a_finished_model_is_deleted_and_counted_before(session: Session) -> None:
    task_id = await train(session)
    known = await find_subject("Anna", session.studio.ledger, session.studio.image_store)
    assert known.to_delete == 1
    await forget(session)
    assert await session.studio.deletions.run() == DeletionReport(1, [])
    assert status(session, task_id) == "ARCHIVED"
    assert await left(session) == []


async def test_a_running_training_is_deleted_once_it_has_ended(session: Session) -> None:
    task_id = await train(session, is_finished=False)
    await forget(session)
    report = await session.studio.deletions.run()
    assert (report.deleted, [row.task_id for row in report.left]) == (0, [task_id])
    [row] = report.left
    assert (row.subject, row.fingerprint is None, row.trigger_word) == (None, False, None)
    assert status(session, task_id) != "ARCHIVED"
    session.clock.at += 1_100
    assert (await session.studio.deletions.run()).deleted == 1
    assert status(session, task_id) == "ARCHIVED"


async def test_the_next_start_tries_again_what_is_left(serving: Serving) -> None:
    async with serving(api="v2") as session:
        task_id = await train(session, is_finished=False)
        await forget(session)
        session.clock.at += 1_100
        await session.ask("get_account")
        while await left(session):
            session.clock.wake()
            await session.studio.jobs.run("deletions", session.studio.deletions.run, 1.0)
        assert status(session, task_id) == "ARCHIVED"


async def test_without_a_connection_nothing_is_called_deleted(session: Session) -> None:
    task_id = await train(session)
    await forget(session)
    session.sandbox.v2_state.records.set_behaviour(Behaviour(retry_after_seconds=60))
    session.clock.runs = True
    report = await session.studio.deletions.run()
    assert (report.deleted, [row.task_id for row in report.left]) == (0, [task_id])
    session.sandbox.v2_state.records.set_behaviour(Behaviour())
    assert (await session.studio.deletions.run()).deleted == 1


async def test_another_teams_key_deletes_nothing(session: Session, serving: Serving) -> None:
    task_id = await train(session)
    await forget(session)
    async with serving(
        api="v2", key=SecretStr("afk_other_team"), app_factory=lambda: session.sandbox.app
    ) as other:
        assert (await other.studio.deletions.run()).deleted == 0
    assert status(session, task_id) == "READY"
    assert len(await left(session)) == 1


async def test_a_training_that_the_service_does_not_show_keeps_no_other_there(session: Session) -> None:
    task_id = await train(session)
    ledger, now = session.studio.ledger, session.clock.at
    unknown, _ = await ledger.import_task(Kind.TRAINING, "00000000-0000-4000-8000-000000000001", "Anna", now)
    await forget(session)
    report = await session.studio.deletions.run()
    assert (report.deleted, [row.ref for row in report.left]) == (1, [unknown.ref])
    assert status(session, task_id) == "ARCHIVED"


@pytest.mark.parametrize("is_given_up", [False, True], ids=["unconfirmed", "given up"])
async def test_a_lost_training_that_turns_out_to_exist_is_deleted_too(
    serving: Serving, is_given_up: bool
) -> None:
    hidden: dict[str, Any] = {"create_unavailable": "with_row", "hidden_seconds": 300}
    async with serving(api="v2", behaviour=Behaviour(**hidden)) as session:
        await _lose(session, is_given_up=is_given_up)
        await forget(session)
        session.clock.at += 2_000
        await session.studio.deletions.run()
        assert (await session.studio.deletions.run()).left == []
        team = (await session.studio.account()).team_id
        assert team is not None
        found = session.sandbox.v2_state.records.list_loras(
            team, session.clock.at, after=None, limit=9, with_archived=True
        )
        assert [lora.status(session.clock.at) for lora in found] == ["ARCHIVED"]


@pytest.mark.parametrize("is_given_up", [False, True], ids=["unconfirmed", "given up"])
async def test_a_lost_training_that_listings_never_show_does_not_stay_marked(
    serving: Serving, is_given_up: bool
) -> None:
    async with serving(api="v2", behaviour=Behaviour(create_unavailable="without_row")) as session:
        await _lose(session, is_given_up=is_given_up)
        await forget(session)
        assert len((await session.studio.deletions.run()).left) == 1
        for _ in range(4):
            session.clock.at += 600
            report = await session.studio.deletions.run()
        assert (report.deleted, report.left) == (0, [])


async def _lose(session: Session, *, is_given_up: bool) -> None:
    session.clock.runs = True
    started = await session.ask("start_training", training_images_id=await keep_set(session))
    assert started.facts["status"] == "unconfirmed"
    if is_given_up:
        await session.ask("resolve_training", ref=started.facts["ref"], decision="give_up")
