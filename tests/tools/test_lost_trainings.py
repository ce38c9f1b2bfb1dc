"""What the server finds out by itself about a training whose response was lost, and what it leaves to the user."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from apiframe_studio.ledger import ProviderFacts, Submission
from apiframe_studio.ledger.states import State
from apiframe_studio.sandbox.v2.behaviour import Behaviour
from apiframe_studio.sandbox.v2.records import Lora

from .conftest import Reply, Serving, Session
from .kept import keep_set


@asynccontextmanager
async def losing(serving: Serving, **behaviour: Any) -> AsyncGenerator[Session]:
    """Serve v2 with a service whose response to a training is lost."""
    async with serving(api="v2", behaviour=Behaviour(**behaviour), start_credits=100_000) as session:
        session.clock.runs = True
        yield session


async def start(session: Session, ref: str) -> Reply:
    return await session.ask("start_training", training_images_id=ref)


async def status(session: Session, ref: str, seconds: float) -> Reply:
    """Let time pass and ask again."""
    session.clock.at += seconds
    return await session.ask("get_training_status", task_id=ref)


async def test_a_training_that_was_accepted_all_the_same_is_found_within_the_call(serving: Serving) -> None:
    async with losing(serving, create_unavailable="with_row") as session:
        ref = await keep_set(session)
        started = await start(session, ref)
        assert started.facts["status"] == "queued"
        assert session.sandbox.v2_state.records.find(started.facts["task_id"]) is not None
        assert "unconfirmed" not in started.text
        again = await start(session, ref)
        assert again.facts["deduplicated"]
        assert session.paid() == 1


async def test_a_training_that_the_service_shows_late_is_found_by_a_status_check(serving: Serving) -> None:
    async with losing(serving, create_unavailable="with_row", hidden_seconds=300) as session:
        started = await start(session, await keep_set(session))
        assert started.facts["status"] == "unconfirmed"
        assert "this server looks for it at Apiframe, free. It is not sent again meanwhile" in started.text
        found = await status(session, started.facts["ref"], 300)
        assert found.facts["status"] in ("queued", "processing")
        assert session.paid() == 1


async def test_a_list_looks_for_lost_trainings_too(serving: Serving) -> None:
    async with losing(serving, create_unavailable="with_row", hidden_seconds=300) as session:
        await start(session, await keep_set(session))
        session.clock.at += 300
        listed = await session.ask("list_trainings")
        [training] = listed.facts["trainings"]
        assert training["status"] in ("queued", "processing")
        assert listed.facts["unsettled"] == []


async def test_a_complete_request_that_is_nowhere_is_left_to_the_user_after_ten_minutes(
    serving: Serving,
) -> None:
    async with losing(serving, create_unavailable="without_row") as session:
        ref = await keep_set(session)
        started = await start(session, ref)
        assert started.facts["status"] == "unconfirmed"
        waiting = await status(session, started.facts["ref"], 300)
        assert "most likely not accepted" not in waiting.text
        absent = await status(session, started.facts["ref"], 400)
        assert "no credits are gone that this server did not spend (100000 are left)" in absent.text
        assert "resolve_training with ref " + started.facts["ref"] + " and send_again" in absent.text
        assert (await start(session, ref)).facts["status"] == "unconfirmed"
        assert session.paid() == 0
        session.sandbox.v2_state.records.set_behaviour(Behaviour())
        await session.ask("resolve_training", ref=started.facts["ref"], decision="send_again")
        assert (await start(session, ref)).facts["status"] == "queued"
        assert session.paid() == 1


async def test_credits_that_are_gone_are_reported_and_nothing_is_called_absent(serving: Serving) -> None:
    async with losing(serving, create_unavailable="without_row") as session:
        started = await start(session, await keep_set(session))
        row = await row_of(session, started)
        facts = replace(row.provider_facts, credits_before=100_257.0)
        await session.studio.ledger.run(lambda store: rewrite(store, row, facts))
        await status(session, started.facts["ref"], 300)
        last = await status(session, started.facts["ref"], 400)
        assert "The account had 100257 credits before it and has 100000 now. More are gone" in last.text
        assert "most likely not accepted" not in last.text


async def test_a_body_whose_last_part_never_left_is_sent_again_without_a_question(serving: Serving) -> None:
    async with losing(serving, create_unavailable="without_row") as session:
        ref = await keep_set(session)
        started = await start(session, ref)
        row = await row_of(session, started)
        cut_off = replace(row.provider_facts, body_sent_at=None, absent_at=())
        await session.studio.ledger.run(lambda store: rewrite(store, row, cut_off))
        session.sandbox.v2_state.records.set_behaviour(Behaviour())
        await status(session, started.facts["ref"], 60)
        await status(session, started.facts["ref"], 30)
        sent = await start(session, ref)
        assert (sent.facts["status"], sent.facts["ref"]) == ("queued", started.facts["ref"])
        lora = session.sandbox.v2_state.records.find(sent.facts["task_id"])
        assert isinstance(lora, Lora)
        assert lora.name.endswith("-2]")
        assert session.paid() == 1


async def test_a_list_that_breaks_half_way_proves_nothing(serving: Serving) -> None:
    async with losing(serving, create_unavailable="without_row", list_fault="second_page_fails") as session:
        await many_other_rows(session)
        started = await start(session, await keep_set(session))
        for _ in range(4):
            last = await status(session, started.facts["ref"], 400)
        assert "most likely not accepted" not in last.text
        assert (await row_of(session, started)).provider_facts.absent_at == ()


async def test_a_decision_to_send_again_finds_the_training_first(serving: Serving) -> None:
    async with losing(serving, create_unavailable="with_row", hidden_seconds=300) as session:
        started = await start(session, await keep_set(session))
        session.clock.at += 300
        message = await session.refusal("resolve_training", ref=started.facts["ref"], decision="send_again")
        assert "that decision does not apply" in message
        assert session.paid() == 1


async def test_a_training_of_an_earlier_attempt_that_appears_late_is_listed_as_another(
    serving: Serving,
) -> None:
    async with losing(serving, create_unavailable="with_row", hidden_seconds=3_000) as session:
        ref = await keep_set(session)
        started = await start(session, ref)
        session.sandbox.v2_state.records.set_behaviour(Behaviour(create_unavailable="with_row"))
        await session.ask("resolve_training", ref=started.facts["ref"], decision="send_again")
        session.clock.at += 3_000
        again = await start(session, ref)
        assert again.facts["status"] in ("queued", "processing", "finished")
        listed = await session.ask("list_trainings")
        assert listed.facts["total"] in (1, 2)
        assert session.paid() <= 2


async def row_of(session: Session, reply: Reply) -> Submission:
    row = await session.studio.ledger.find(reply.facts["ref"], session.clock.now())
    assert row is not None
    assert row.state is State.UNCONFIRMED
    return row


def rewrite(store: Any, row: Submission, facts: ProviderFacts) -> None:
    """Write the facts that a process would have left that died at another moment."""
    from apiframe_studio.ledger import queries

    with store._transaction() as connection:
        queries.write_row(connection, replace(row, provider_facts=facts))


async def many_other_rows(session: Session) -> None:
    """More trainings of the team than one page shows."""
    team = (await session.studio.account()).team_id
    assert team is not None
    for number in range(101):
        session.sandbox.v2_state.records.add_lora(
            Lora(
                id=f"00000000-0000-4000-8000-{number:012}",
                user_id="team-mate",
                team_id=team,
                created_at=session.clock.at,
                seconds=0.0,
                name="other",
                subject_kind="person",
                gender="male",
                ethnicity="Mixed",
                age=None,
                image_count=15,
                steps=1000,
                lora_rank=32,
            ),
            cost=0,
            max_in_flight=1_000,
        )
