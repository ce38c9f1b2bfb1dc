"""max_credits and APIFRAME_CONFIRM_SPENDING: nothing is sent above what was agreed, and the answer is the price."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from mcp.types import ElicitResult, TextContent

from apiframe_studio.ledger import NewImages
from apiframe_studio.ledger.errors import PriceAboveLimit
from apiframe_studio.sandbox.v2.behaviour import Behaviour
from apiframe_studio.training_sources import KeptSource
from apiframe_tools.results import read_fields

from .conftest import Serving, Session
from .kept import keep_set

pytestmark = pytest.mark.slow


@pytest.fixture
async def v2(serving: Serving) -> AsyncGenerator[Session]:
    async with serving(api="v2") as session:
        yield session


async def call(session: Session, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    """Call a tool that must succeed; returns its text and its facts."""
    result = await session.call(tool, **arguments)
    assert not result.is_error, result.content
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text, read_fields(result)


async def test_a_training_above_the_limit_is_not_sent_and_answered_with_its_price(v2: Session) -> None:
    ref = await keep_set(v2)
    text, facts = await call(v2, "start_training", training_images_id=ref, max_credits=200)
    assert (facts["status"], facts["credits"], facts["ref"]) == ("quote", 257, "")
    assert (
        "Nothing was sent and nothing was paid. This training costs 257 credits, more than max_credits 200."
        in text
    )
    assert "12000 credits left on the account" in text
    assert "if they agree, call start_training again with max_credits 257." in text
    assert v2.paid() == 0
    assert (await v2.ask("list_trainings")).facts["total"] == 0


async def test_a_limit_of_nothing_is_a_way_to_ask_for_the_price(v2: Session) -> None:
    _, facts = await call(v2, "start_training", training_images_id=await keep_set(v2), max_credits=0)
    assert facts["status"] == "quote"


async def test_the_agreed_price_is_paid_and_kept_with_the_row(v2: Session) -> None:
    ref = await keep_set(v2)
    _, facts = await call(v2, "start_training", training_images_id=ref, max_credits=257)
    assert facts["status"] == "queued"
    row = await v2.studio.ledger.find(facts["ref"], v2.clock.now())
    assert row is not None
    assert row.max_credits == 257


async def test_what_is_already_paid_for_is_returned_whatever_the_limit(v2: Session) -> None:
    ref = await keep_set(v2)
    _, first = await call(v2, "start_training", training_images_id=ref)
    _, again = await call(v2, "start_training", training_images_id=ref, max_credits=0)
    assert (again["ref"], again["deduplicated"]) == (first["ref"], True)


async def test_a_set_of_unknown_size_counts_at_its_worst_case(serving: Serving) -> None:
    async with serving() as session:
        text, facts = await call(
            session, "start_training", training_images_id="sandbox-person", max_credits=60
        )
        assert (facts["status"], facts["credits"]) == ("quote", 120)
        assert (
            "These photos were uploaded elsewhere, so the price is only known as 40 to 120 credits (4 a photo); "
            "max_credits is 60." in text
        )
        assert "ask the user; if up to 120 is fine, call start_training again with max_credits 120." in text
        assert session.paid() == 0
        _, paid = await call(session, "start_training", training_images_id="sandbox-person", max_credits=120)
        assert paid["status"] == "queued"


async def trained(session: Session) -> None:
    await call(session, "start_training", training_images_id=await keep_set(session), max_credits=257)
    session.clock.at += 1_100
    session.clock.runs = True
    await session.ask("get_training_status", subject="Anna")


async def test_images_above_the_limit_are_answered_with_their_price(v2: Session) -> None:
    await trained(v2)
    paid = v2.paid()
    text, facts = await call(
        v2, "generate_photos", subject="Anna", prompt="at sea", number_of_images=3, max_credits=5
    )
    assert (facts["status"], facts["credits"]) == ("quote", 6)
    assert "This call costs 6 credits (3 images at 2), more than max_credits 5." in text
    assert v2.paid() == paid


async def test_where_the_user_cannot_be_asked_always_means_an_agreed_amount(serving: Serving) -> None:
    async with serving(api="v2", confirm_spending="always") as session:
        ref = await keep_set(session)
        text, facts = await call(session, "start_training", training_images_id=ref)
        assert facts["status"] == "quote"
        assert "This training costs 257 credits." in text
        assert session.paid() == 0
        await trained(session)
        paid = session.paid()
        _, quoted = await call(session, "generate_photos", subject="Anna", prompt="at sea")
        assert (quoted["status"], quoted["credits"]) == ("quote", 2)
        assert session.paid() == paid
        _, made = await call(session, "generate_photos", subject="Anna", prompt="at sea", max_credits=2)
        assert made["status"] == "finished"


@pytest.mark.parametrize(
    ("setting", "agreed"), [("ask", {"max_credits": 0}), ("always", {}), ("never", {"max_credits": 1})]
)
async def test_an_upload_above_the_limit_is_answered_with_its_price(
    serving: Serving, photos: Path, setting: str, agreed: dict[str, int]
) -> None:
    upload = {"paths": [str(photos)], "gender": "female", "ethnicity": "white", "consent": True}
    async with serving(confirm_spending=setting) as session:
        session.clock.runs = True
        text, facts = await call(session, "prepare_photos", **upload, **agreed)
        assert (facts["status"], facts["credits"], facts["training_credits"]) == ("quote", 2, 48)
        assert "This upload costs 2 credits (training on it costs 48 more)" in text
        assert session.paid() == 0
        assert (await session.ask("list_trainings")).facts["unsettled_total"] == 0
        _, prepared = await call(session, "prepare_photos", **upload, max_credits=2)
        _, again = await call(session, "prepare_photos", **upload, max_credits=0)
        assert again["deduplicated"] is True
        text, _ = await call(
            session, "start_training", training_images_id=prepared["training_images_id"], max_credits=40
        )
        assert "This training costs 48 credits (12 photos at 4), more than max_credits 40." in text
        assert session.paid() == 1


@pytest.mark.parametrize("later", [{}, {"max_credits": 0}])
async def test_a_training_that_waits_to_be_sent_is_returned_whatever_the_limit(
    serving: Serving, later: dict[str, int]
) -> None:
    answers: list[dict[str, Any]] = []

    async def start(limit: dict[str, int]) -> None:
        answers.append((await call(session, "start_training", training_images_id=ref, **limit))[1])

    async with serving(api="v2", confirm_spending="always") as session:
        ref = await keep_set(session)
        source = session.studio.trainings._source
        assert isinstance(source, KeptSource)
        waiting = source._core.jobs._jobs
        # The lock is held as while another training's photos are uploaded.
        async with anyio.create_task_group() as calls, source._one_upload:
            calls.start_soon(start, {"max_credits": 257})
            while not waiting:
                await anyio.lowlevel.checkpoint()
            calls.start_soon(start, later)
            while not answers and next(iter(waiting.values())).waited_for < 2:
                await anyio.lowlevel.checkpoint()
        assert [answer["status"] for answer in answers] == ["queued"] * 2
        assert session.paid() == 1


async def test_an_upload_that_is_free_takes_no_limit(serving: Serving) -> None:
    async with serving() as session:
        schema = {tool.name: tool for tool in (await session.client.list_tools()).tools}
        assert "max_credits" in schema["prepare_photos"].input_schema["properties"]
    async with serving(api="v2") as session:
        schema = {tool.name: tool for tool in (await session.client.list_tools()).tools}
        assert "max_credits" not in schema["prepare_photos"].input_schema["properties"]


async def test_a_limit_does_not_replace_a_question_that_can_be_asked(serving: Serving) -> None:
    asked: list[str] = []

    async def refuse(_: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="decline")

    async with serving(api="v2", answers=refuse) as session:
        ref = await keep_set(session)
        message = await session.refusal("start_training", training_images_id=ref, max_credits=500)
        assert "did not agree" in message
        assert len(asked) == 1
        _, facts = await call(session, "start_training", training_images_id=ref, max_credits=100)
        assert facts["status"] == "quote"
        assert len(asked) == 1, "the user is not asked for what may not be paid"
        assert session.paid() == 0


async def test_images_are_asked_about_only_under_always(serving: Serving) -> None:
    asked: list[str] = []

    async def agree(_: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"agreed": True})

    async with serving(api="v2", answers=agree, confirm_spending="always") as session:
        await trained(session)
        _, made = await call(session, "generate_photos", subject="Anna", prompt="at sea")
        assert made["status"] == "finished"
        assert "Make 1 image of Anna? It costs 2 credits" in asked[-1]


async def test_the_ledger_enforces_the_limit_again_when_it_sends_and_when_it_repeats(v2: Session) -> None:
    ledger, now = v2.studio.ledger, v2.clock.now()
    row, _ = await ledger.get_or_create(NewImages("training", "digest", estimated_credits=8.0), now)
    with pytest.raises(PriceAboveLimit) as refused:
        await ledger.begin_sending(row.ref, now, 50.0, None, row.provider_facts, 7.0)
    assert (refused.value.needed, refused.value.limit) == (8.0, 7.0)
    sending = await ledger.begin_sending(row.ref, now, 50.0, None, row.provider_facts, 8.0)
    assert sending is not None
    assert sending.max_credits == 8.0


async def test_a_repeat_of_the_program_needs_no_new_agreement(serving: Serving) -> None:
    async with serving(api="v2") as session:
        await trained(session)
        session.sandbox.v2_state.records.set_behaviour(Behaviour(generate_unavailable="with_job"))
        _, made = await call(
            session, "generate_photos", subject="Anna", prompt="at sea", seed=1, max_credits=2
        )
        assert made["status"] == "finished"
