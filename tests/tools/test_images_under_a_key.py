"""generate_photos where the service takes an idempotency key: repeated while the outcome is unknown, paid once."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp.types import TextContent

from apiframe_studio.api.provider import ImageCall
from apiframe_studio.sandbox.v2.behaviour import Behaviour
from apiframe_studio.sandbox.v2.records import Job
from apiframe_tools.results import read_fields

from .conftest import Serving, Session
from .kept import keep_set

pytestmark = pytest.mark.slow

PROMPT = "portrait by a window"


@asynccontextmanager
async def trained(serving: Serving, **behaviour: Any) -> AsyncGenerator[Session]:
    """Serve v2 with a finished training of Anna; the behaviour begins after it."""
    async with serving(api="v2") as session:
        await session.ask("start_training", training_images_id=await keep_set(session))
        session.clock.at += 1_100
        await session.ask("get_training_status", subject="Anna")
        session.sandbox.v2_state.records.set_behaviour(Behaviour(**behaviour))
        session.clock.runs = True
        yield session


def jobs(session: Session) -> list[Job]:
    team = session.studio.ledger.team_id
    found = session.sandbox.v2_state.records._select("kind = 'job'")
    return [job for job in found if isinstance(job, Job) and team in (None, job.team_id)]


async def generate(session: Session, **arguments: Any) -> tuple[str, dict[str, Any]]:
    """Call generate_photos; returns its text and its facts."""
    result = await session.call("generate_photos", **{"prompt": PROMPT, "subject": "Anna", **arguments})
    assert not result.is_error, result.content
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text, read_fields(result)


async def test_images_are_asked_for_as_a_square_under_a_key_with_the_word_in_the_prompt(
    serving: Serving,
) -> None:
    async with trained(serving) as session:
        text, facts = await generate(session, seed=7)
        assert facts["status"] == "finished"
        [job] = jobs(session)
        assert job.input["prompt"] == facts["prompt"]
        assert facts["prompt"].endswith(PROMPT)
        assert '"aspect_ratio": "1:1"' in json.dumps(job.input)
        assert "This costs 2 credits" in text


@pytest.mark.parametrize("outcome", ["with_job", "without_job"])
async def test_a_lost_response_is_met_by_the_same_request_under_the_same_key(
    serving: Serving, outcome: str
) -> None:
    async with trained(serving, generate_unavailable=outcome) as session:
        paid = session.paid()
        _, facts = await generate(session, seed=7)
        if outcome == "without_job":
            assert facts["status"] == "unconfirmed"
            session.sandbox.v2_state.records.set_behaviour(Behaviour())
            _, facts = await generate(session, seed=7)
        assert facts["status"] == "finished"
        assert len(facts["pictures"]) == 1
        assert session.paid() == paid + 1
        assert len(jobs(session)) == 1


async def test_an_unconfirmed_generation_says_that_the_same_call_repeats_it(serving: Serving) -> None:
    async with trained(serving, generate_unavailable="without_job") as session:
        text, _ = await generate(session)
        assert "it is sent again under the same idempotency key, so it is charged once" in text


async def test_a_generation_of_a_process_that_died_is_repeated_as_it_was(serving: Serving) -> None:
    async with trained(serving, generate_unavailable="with_job") as session:
        studio = session.studio
        send = studio.submitter.send
        died: list[str] = []

        async def die(row: Any, *_: Any, **__: Any) -> Any:
            """Begin to send, and end as a killed process does: with a lease."""
            began = await studio.ledger.begin_sending(row.ref, studio.clock.now(), 50.0)
            assert began is not None
            died.append(row.ref)
            raise KeyError

        studio.submitter.send = die  # type: ignore[method-assign]
        await session.call("generate_photos", prompt=PROMPT, subject="Anna", seed=7)
        studio.submitter.send = send  # type: ignore[method-assign]
        session.clock.at += 60
        session.sandbox.v2_state.records.set_behaviour(Behaviour())
        _, facts = await generate(session, seed=7)
        assert (facts["ref"], facts["status"]) == (died[0], "finished")


async def test_a_job_that_the_service_no_longer_knows_by_its_key_is_found_and_not_sent_again(
    serving: Serving,
) -> None:
    async with trained(serving, generate_unavailable="without_job") as session:
        _, lost = await generate(session, seed=7)
        assert lost["status"] == "unconfirmed"
        # The service made it all the same, and shows it late.
        session.sandbox.v2_state.records.set_behaviour(Behaviour())
        training = (await session.ask("get_training_status", subject="Anna")).facts["task_id"]
        call = ImageCall(training, lost["prompt"], "1:1", seed=7)
        made = await (await session.studio.provider()).generate(call, deadline_seconds=9.0)
        paid = session.paid()
        session.clock.at += 23 * 3600
        _, facts = await generate(session, seed=7)
        assert (facts["ref"], facts["task_id"]) == (lost["ref"], made.task_id)
        assert session.paid() == paid


async def test_a_prompt_that_is_too_long_with_the_word_is_refused_before_paying(serving: Serving) -> None:
    async with trained(serving) as session:
        paid = session.paid()
        message = await session.refusal("generate_photos", prompt="a" * 1_999, subject="Anna")
        assert "With the trigger word the prompt has 2006 characters, and Apiframe takes 2000" in message
        assert "6 characters shorter" in message
        assert session.paid() == paid


async def test_a_shape_that_the_service_does_not_make_is_refused(serving: Serving) -> None:
    async with trained(serving) as session:
        message = await session.refusal("generate_photos", prompt=PROMPT, subject="Anna", aspect_ratio="21:9")
        assert "aspect_ratio" in message


@pytest.mark.parametrize("shape", ["images", "text", "list"])
async def test_every_shape_of_a_result_is_saved(serving: Serving, shape: str) -> None:
    async with trained(serving, result_shape=shape) as session:
        _, facts = await generate(session, number_of_images=1 if shape == "text" else 2)
        assert len(facts["pictures"]) == (1 if shape == "text" else 2)


async def test_a_failed_generation_makes_no_images(serving: Serving) -> None:
    async with trained(serving, generation_fails=True) as session:
        text, facts = await generate(session)
        assert facts["status"] == "failed"
        assert "the service made no images" in text
