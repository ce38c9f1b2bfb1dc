"""start_training where the photos are sent with it: checked before, sent once, in the background, and reported."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest
from mcp.types import ElicitResult
from pydantic import SecretStr

from apiframe_studio.ledger.states import State
from apiframe_studio.sandbox.v2.behaviour import Behaviour
from apiframe_studio.sandbox.v2.records import Lora

from .conftest import Gated, Serving, Session
from .kept import keep_set


@pytest.fixture
async def session(serving: Serving) -> AsyncGenerator[Session]:
    async with serving(api="v2") as session:
        yield session


async def test_the_photos_are_sent_once_and_the_training_is_named(session: Session) -> None:
    ref = await keep_set(session)
    started = await session.ask("start_training", training_images_id=ref)
    assert (started.facts["status"], started.facts["subject"], started.facts["credits"]) == (
        "queued",
        "Anna",
        257,
    )
    assert started.facts["task_id"] in started.text
    again = await session.ask("start_training", training_images_id=ref)
    assert (again.facts["task_id"], again.facts["deduplicated"]) == (started.facts["task_id"], True)
    assert session.paid() == 1


async def test_the_service_gets_a_marker_and_never_the_name(session: Session) -> None:
    ref = await keep_set(session)
    started = await session.ask("start_training", training_images_id=ref)
    lora = session.sandbox.v2_state.records.find(started.facts["task_id"])
    assert isinstance(lora, Lora)
    install = await session.studio.ledger.installation()
    assert lora.name == f"AI photos [{started.facts['ref']}-{install}-1]"
    assert (lora.gender, lora.ethnicity, lora.age, lora.image_count) == ("female", "Mixed", "early 30s", 15)


async def test_the_ledger_keeps_the_team_the_credits_before_and_that_the_last_part_left(
    session: Session,
) -> None:
    started = await session.ask("start_training", training_images_id=await keep_set(session))
    row = await session.studio.ledger.find(started.facts["ref"], session.clock.now())
    assert row is not None
    assert row.provider_facts.team_id is not None
    assert row.provider_facts.credits_before == 12_000
    assert row.provider_facts.body_sent_at is not None


async def test_the_trigger_word_is_reported_once_it_is_trained(session: Session) -> None:
    ref = await keep_set(session)
    started = await session.ask("start_training", training_images_id=ref)
    session.clock.at += 1_100
    status = await session.ask("get_training_status", task_id=started.facts["task_id"])
    assert status.facts["status"] == "finished"
    assert f"Trigger word: {status.facts['trigger_word']}." in status.text


async def test_an_account_with_too_few_credits_ends_the_call_with_nothing_sent(serving: Serving) -> None:
    async with serving(api="v2", start_credits=256) as session:
        message = await session.refusal("start_training", training_images_id=await keep_set(session))
        assert "costs 257 credits and the account has 256, so nothing was sent or paid" in message
        assert "console.apiframe.ai" in message
        assert session.paid() == 0
        assert session.asked("/v2/loras") == 1  # The list.


async def test_a_key_without_a_team_ends_the_call_with_nothing_sent(serving: Serving) -> None:
    async with serving(api="v2", behaviour=Behaviour(has_team=False)) as session:
        message = await session.refusal("start_training", training_images_id=await keep_set(session))
        assert "The API key belongs to no team and has no credits, so nothing was sent." in message
        assert "create a key at console.apiframe.ai" in message
        assert session.paid() == 0


async def test_a_revoked_key_ends_the_call_with_nothing_sent(serving: Serving) -> None:
    async with serving(api="v2", key=SecretStr("afk_revoked")) as session:
        message = await session.refusal("start_training", training_images_id=await keep_set(session))
        assert "API key is inactive" in message
        assert session.paid() == 0


async def test_the_question_says_that_the_photos_leave_the_machine_and_free_checks_are_made_once(
    serving: Serving,
) -> None:
    asked: list[str] = []

    async def agree(_: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"agreed": True})

    async with serving(api="v2", answers=agree, is_sandbox=False) as session:
        started = await session.ask("start_training", training_images_id=await keep_set(session))
        assert started.facts["status"] == "queued"
        assert session.asked("/v2/me") == 1
    [question] = asked
    assert "The photos leave this machine now" in question
    assert "257 credits" in question


async def test_a_set_whose_photos_are_gone_is_prepared_again(session: Session) -> None:
    ref = await keep_set(session)
    session.studio.kept_photos.remove(ref)
    message = await session.refusal("start_training", training_images_id=ref)
    assert "call prepare_photos with the same photos again" in message
    assert session.paid() == 0


async def test_an_id_of_another_generation_is_not_a_photo_set(session: Session) -> None:
    message = await session.refusal(
        "start_training", training_images_id="29a04da8-e683-4f77-99ff-c1037968c188"
    )
    assert "is not a photo set" in message
    assert session.paid() == 0


async def test_a_slow_upload_continues_after_the_call_and_the_same_call_reports_it(serving: Serving) -> None:
    gated = Gated("/v2/loras")
    async with serving(api="v2", app_factory=lambda: gated.app) as session:
        gated.session = session
        ref = await keep_set(session)

        async def posts_only(scope: Any, receive: Any, send: Any) -> None:
            async def send_later(message: Any) -> None:
                if scope["path"] == "/v2/loras" and scope["method"] == "POST":
                    await gated.open.wait()
                await send(message)

            await session.sandbox.app(scope, receive, send_later)

        gated.app = posts_only  # type: ignore[method-assign]
        steps: list[str | None] = []

        async def report(progress: float, total: float | None, message: str | None) -> None:
            """End the time of the call with the first report."""
            del progress, total
            steps.append(message)
            session.clock.at += 41

        with anyio.fail_after(50):
            for _ in range(2):
                arguments = {"training_images_id": ref}
                result = await session.client.call_tool("start_training", arguments, progress_callback=report)
                assert result.structured_content is not None
                assert result.structured_content["status"] == "submitting"
            gated.open.set()
            row = None
            while row is None or row.state is State.SENDING:
                row = await session.studio.ledger.find(result.structured_content["ref"], session.clock.now())
        assert set(steps) == {"uploading"}
        third = await session.ask("start_training", training_images_id=ref)
        assert (third.facts["status"], third.facts["deduplicated"]) == ("queued", True)
        assert session.paid() == 1


async def test_a_full_team_is_reported_before_the_photos_are_sent(session: Session) -> None:
    for number in range(10):
        ref = await keep_set(session, print_=f"{number:x}")
        await session.ask("start_training", training_images_id=ref)
    message = await session.refusal("start_training", training_images_id=await keep_set(session, print_="b"))
    assert "10 trainings of the user's team are under way" in message
    assert session.paid() == 10
