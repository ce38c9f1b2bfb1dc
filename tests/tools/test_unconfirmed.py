"""When nobody can know whether money was spent: said in words, never sent again, and a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ..faults.fault_server import ACCEPTED, answer, fault_server, replying

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..faults.fault_server import FaultServer
    from .conftest import Gated, Gating, Serving, Talk

PHOTOS = {"training_images_id": "photos-0123456789"}
TASK_ID = ACCEPTED["task_id"]


def _says(**task: object) -> Any:
    return replying(answer("200 OK", {"task_id": TASK_ID, **task}))


FINISHED = _says(status="finished", percentage=100, trigger_word="TOKIKD")
ODD = _says(status="finished", percentage=100, trigger_word="TOK\u200bHIDDEN")
RUNNING = _says(status="processing", percentage="40")
FAULTS = {"finished": FINISHED, "odd word": ODD, "running": RUNNING}


def _trainings(service: FaultServer) -> int:
    return sum(post.target == "/ai-photo-train" for post in service.posts)


@pytest.fixture
async def lost(serving: Serving) -> AsyncGenerator[tuple[Talk, FaultServer, dict[str, Any]]]:
    """A training whose answer was lost; after that the service says that it is finished."""
    with fault_server("reset_after_request", "finished", faults=FAULTS) as service:
        async with serving(base_url=service.base_url, stand_in=None, is_sandbox=False) as talk:
            begun = await talk.ask("start_training", **PHOTOS, subject="Anna", trigger_word="TOKANNA")
            assert begun.facts["status"] == "unconfirmed"
            yield talk, service, begun.facts


@pytest.mark.parametrize(
    "fault", ["reset_after_request", "closed_after_request", "silent", "html_200", "empty_200", "status_500"]
)
async def test_a_lost_answer_is_a_normal_result_that_leaves_the_decision_to_the_person(
    serving: Serving, fault: str
) -> None:
    with fault_server(fault) as service:
        async with serving(base_url=service.base_url, stand_in=None, is_sandbox=False) as talk:
            heard = await talk.ask("start_training", **PHOTOS, subject="Anna")
            again = await talk.ask("start_training", **PHOTOS, subject="Anna", idempotency_key="new")
            listed = await talk.ask("list_trainings")
            waited = await talk.ask("wait_for_training", task_id=heard.facts["ref"])
    assert (heard.facts["status"], heard.facts["task_id"]) == ("unconfirmed", None)
    for answered in (heard, again, listed, waited):
        for words in (
            "unconfirmed",
            "ask the user",
            "Money may have been spent",
            "not sent again",
            "Apiframe dashboard",
            f"resolve_training with ref {heard.facts['ref']}",
            "accepted (with the task_id from there), send_again or give_up",
        ):
            assert words in answered.text
    assert again.facts["deduplicated"] is True
    assert _trainings(service) == 1


async def test_accepted_with_the_id_from_the_dashboard_brings_the_trigger_word(
    lost: tuple[Talk, FaultServer, dict[str, Any]],
) -> None:
    talk, service, begun = lost
    heard = await talk.ask("resolve_training", ref=begun["ref"], decision="accepted", task_id=TASK_ID)
    assert (heard.facts["status"], heard.facts["task_id"]) == ("finished", TASK_ID)
    assert heard.facts["trigger_word"] == "TOKIKD"
    assert _trainings(service) == 1


async def test_send_again_names_the_call_that_pays_and_sends_nothing_itself(
    lost: tuple[Talk, FaultServer, dict[str, Any]],
) -> None:
    talk, service, begun = lost
    heard = await talk.ask("resolve_training", ref=begun["ref"], decision="send_again")
    assert heard.facts["status"] == "submitting"
    call = (
        f"call start_training with training_images_id {PHOTOS['training_images_id']} and trigger_word TOKANNA"
    )
    assert heard.facts["next_step"].startswith(call)
    assert "nothing was paid" not in heard.text
    assert _trainings(service) == 1
    sent = await talk.ask("start_training", **PHOTOS, trigger_word="TOKANNA")
    assert (sent.facts["ref"], sent.facts["task_id"]) == (begun["ref"], TASK_ID)
    assert _trainings(service) == 2


async def test_another_word_for_a_wish_that_waits_sends_nothing_and_names_both_ways_out(
    lost: tuple[Talk, FaultServer, dict[str, Any]],
) -> None:
    talk, service, begun = lost
    await talk.ask("resolve_training", ref=begun["ref"], decision="send_again")
    heard = await talk.ask("start_training", **PHOTOS, trigger_word="TOKOTHER")
    assert heard.facts["deduplicated"] is True
    assert "and trigger_word TOKANNA to send the earlier request" in heard.facts["next_step"]
    assert f"ref {begun['ref']} and give_up" in heard.facts["next_step"]
    assert _trainings(service) == 1


async def test_give_up_ends_it_and_a_new_start_is_a_new_training(
    lost: tuple[Talk, FaultServer, dict[str, Any]],
) -> None:
    talk, _, begun = lost
    heard = await talk.ask("resolve_training", ref=begun["ref"], decision="give_up")
    assert heard.facts["status"] == "abandoned"
    assert "It has no trigger word." in heard.text
    again = await talk.ask("start_training", **PHOTOS)
    assert again.facts["ref"] != begun["ref"]
    assert again.facts["deduplicated"] is False


@pytest.mark.parametrize("fault", ["truncated_body_with_id", "truncated_chunk_with_id"])
async def test_an_id_that_came_through_in_a_broken_answer_is_kept(serving: Serving, fault: str) -> None:
    with fault_server(fault, "running", faults=FAULTS) as service:
        async with serving(base_url=service.base_url, stand_in=None) as talk:
            begun = await talk.ask("start_training", **PHOTOS)
            heard = await talk.ask("get_training_status", task_id=begun.facts["ref"])
    assert (begun.facts["status"], begun.facts["task_id"]) == ("queued", TASK_ID)
    assert (heard.facts["status"], heard.facts["percentage"]) == ("processing", 40)


async def test_the_word_that_counts_is_the_one_that_the_service_names(serving: Serving) -> None:
    with fault_server("accepted", "finished", faults=FAULTS) as service:
        async with serving(base_url=service.base_url, stand_in=None) as talk:
            begun = await talk.ask("start_training", **PHOTOS, trigger_word="TOKANNA")
            heard = await talk.ask("get_training_status", task_id=begun.facts["task_id"])
            row = (await talk.ask("list_trainings")).facts["trainings"][0]
    assert heard.facts["trigger_word"] == row["trigger_word"] == "TOKIKD"
    assert "Trigger word: TOKIKD." in heard.text
    assert "TOKANNA was requested, but the service returned TOKIKD, which is the one to use." in heard.text
    assert "tell the user the trigger word TOKIKD" in heard.facts["next_step"]


async def test_a_word_that_cannot_stand_in_a_prompt_is_not_repeated(serving: Serving) -> None:
    with fault_server("accepted", "odd word", faults=FAULTS) as service:
        async with serving(base_url=service.base_url, stand_in=None) as talk:
            begun = await talk.ask("start_training", **PHOTOS)
            heard = await talk.ask("get_training_status", task_id=begun.facts["task_id"])
    assert (heard.facts["status"], heard.facts["trigger_word"]) == ("finished", None)
    assert "HIDDEN" not in heard.text
    assert "look up the trigger word in their Apiframe dashboard" in heard.facts["next_step"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("refused", "connection refused"),
        ("throttled", "is busy"),
        ("throttled_for_seconds", "in 7 seconds"),
    ],
)
async def test_what_was_provably_not_taken_waits_in_the_ledger_for_the_same_call(
    serving: Serving, fault: str, told: str
) -> None:
    with fault_server(fault) as service:
        async with serving(base_url=service.base_url, stand_in=None) as talk:
            talk.clock.runs = True
            said = await talk.refusal("start_training", **PHOTOS)
            [row] = (await talk.ask("list_trainings")).facts["trainings"]
            dropped = await talk.ask("resolve_training", ref=row["ref"], decision="give_up")
    assert told in said
    assert f"status submitting, ref {row['ref']}" in said
    assert "nothing was paid" in said
    assert "call start_training again" in said
    assert row["status"] == "submitting"
    assert dropped.facts["status"] == "abandoned"


@pytest.fixture
async def gated(gating: Gating) -> AsyncGenerator[Gated]:
    async with gating("/ai-photo-train") as gated:
        yield gated


async def test_a_second_call_while_the_first_is_being_sent_sends_nothing(gated: Gated) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: gated.talk.ask("start_training", training_images_id="sandbox-person"))
        await gated.knocked.wait()
        gated.talk.clock.runs = True
        second = await gated.talk.ask("start_training", training_images_id="sandbox-person")
        gated.open.set()
    assert (second.facts["status"], second.facts["deduplicated"]) == ("submitting", True)
    assert f"get_training_status with task_id {second.facts['ref']} in a minute" in second.facts["next_step"]
    after = await gated.talk.ask("get_training_status", task_id=second.facts["ref"])
    assert after.facts["status"] == "queued"
    assert gated.talk.paid() == 1


async def test_a_call_that_its_client_cancels_is_paid_once_and_not_lost(gated: Gated) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: gated.talk.ask("start_training", training_images_id="sandbox-person"))
        with anyio.fail_after(20):
            await gated.knocked.wait()
        group.cancel_scope.cancel()
        gated.open.set()
    with anyio.fail_after(20):
        await gated.talk.studio.finish(4)
    again = await gated.talk.ask("start_training", training_images_id="sandbox-person")
    assert (again.facts["status"], again.facts["deduplicated"]) == ("queued", True)
    assert again.facts["task_id"] is not None
    assert gated.talk.paid() == 1
