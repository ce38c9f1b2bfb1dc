"""If it is unknown whether money was spent: the result says so, nothing is resent, and the user decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ..faults.fault_server import ACCEPTED, answer, fault_server, replying

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..faults.fault_server import FaultServer
    from .conftest import Gated, Gating, Serving, Session

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
async def lost(serving: Serving) -> AsyncGenerator[tuple[Session, FaultServer, dict[str, Any]]]:
    """A training whose response was lost; later the service reports it as finished."""
    with fault_server("reset_after_request", "finished", faults=FAULTS) as service:
        async with serving(base_url=service.base_url, app_factory=None, is_sandbox=False) as session:
            begun = await session.ask("start_training", **PHOTOS, subject="Anna", trigger_word="TOKANNA")
            assert begun.facts["status"] == "unconfirmed"
            yield session, service, begun.facts


@pytest.mark.parametrize(
    "fault", ["reset_after_request", "closed_after_request", "silent", "html_200", "empty_200", "status_500"]
)
async def test_a_lost_response_is_a_normal_result_that_leaves_the_decision_to_the_user(
    serving: Serving, fault: str
) -> None:
    deadlines = {"paid_seconds": 0.6} if fault == "silent" else {}
    with fault_server(fault) as service:
        async with serving(
            base_url=service.base_url, app_factory=None, is_sandbox=False, **deadlines
        ) as session:
            reply = await session.ask("start_training", **PHOTOS, subject="Anna")
            again = await session.ask("start_training", **PHOTOS, subject="Anna", idempotency_key="new")
            listed = await session.ask("list_trainings")
            waited = await session.ask("wait_for_training", task_id=reply.facts["ref"])
    assert (reply.facts["status"], reply.facts["task_id"]) == ("unconfirmed", None)
    for answered in (reply, again, listed, waited):
        for words in (
            "unconfirmed",
            "ask the user",
            "Money may have been spent",
            "not sent again",
            "Apiframe dashboard",
            f"resolve_training with ref {reply.facts['ref']}",
            "accepted (with the task_id from there), send_again or give_up",
        ):
            assert words in answered.text
    assert again.facts["deduplicated"] is True
    assert _trainings(service) == 1


async def test_accepted_with_the_id_from_the_dashboard_returns_the_trigger_word(
    lost: tuple[Session, FaultServer, dict[str, Any]],
) -> None:
    session, service, begun = lost
    reply = await session.ask("resolve_training", ref=begun["ref"], decision="accepted", task_id=TASK_ID)
    assert (reply.facts["status"], reply.facts["task_id"]) == ("finished", TASK_ID)
    assert reply.facts["trigger_word"] == "TOKIKD"
    assert _trainings(service) == 1


async def test_send_again_sends_nothing_and_names_the_call_that_pays(
    lost: tuple[Session, FaultServer, dict[str, Any]],
) -> None:
    session, service, begun = lost
    reply = await session.ask("resolve_training", ref=begun["ref"], decision="send_again")
    assert reply.facts["status"] == "submitting"
    call = (
        f"call start_training with training_images_id {PHOTOS['training_images_id']} and trigger_word TOKANNA"
    )
    assert reply.facts["next_step"].startswith(call)
    assert "nothing was paid" not in reply.text
    assert _trainings(service) == 1
    sent = await session.ask("start_training", **PHOTOS, trigger_word="TOKANNA")
    assert (sent.facts["ref"], sent.facts["task_id"]) == (begun["ref"], TASK_ID)
    assert _trainings(service) == 2


async def test_another_word_for_a_waiting_request_sends_nothing_and_names_both_options(
    lost: tuple[Session, FaultServer, dict[str, Any]],
) -> None:
    session, service, begun = lost
    await session.ask("resolve_training", ref=begun["ref"], decision="send_again")
    reply = await session.ask("start_training", **PHOTOS, trigger_word="TOKOTHER")
    assert reply.facts["deduplicated"] is True
    assert "and trigger_word TOKANNA to send the earlier request" in reply.facts["next_step"]
    assert f"ref {begun['ref']} and give_up" in reply.facts["next_step"]
    assert _trainings(service) == 1


async def test_after_give_up_a_start_is_a_new_training(
    lost: tuple[Session, FaultServer, dict[str, Any]],
) -> None:
    session, _, begun = lost
    reply = await session.ask("resolve_training", ref=begun["ref"], decision="give_up")
    assert reply.facts["status"] == "abandoned"
    assert "It has no trigger word." in reply.text
    again = await session.ask("start_training", **PHOTOS)
    assert again.facts["ref"] != begun["ref"]
    assert again.facts["deduplicated"] is False


@pytest.mark.parametrize("fault", ["truncated_body_with_id", "truncated_chunk_with_id"])
async def test_an_id_in_a_truncated_response_is_kept(serving: Serving, fault: str) -> None:
    with fault_server(fault, "running", faults=FAULTS) as service:
        async with serving(base_url=service.base_url, app_factory=None) as session:
            begun = await session.ask("start_training", **PHOTOS)
            reply = await session.ask("get_training_status", task_id=begun.facts["ref"])
    assert (begun.facts["status"], begun.facts["task_id"]) == ("queued", TASK_ID)
    assert (reply.facts["status"], reply.facts["percentage"]) == ("processing", 40)


async def test_the_reported_word_is_the_one_that_the_service_returned(serving: Serving) -> None:
    with fault_server("accepted", "finished", faults=FAULTS) as service:
        async with serving(base_url=service.base_url, app_factory=None) as session:
            begun = await session.ask("start_training", **PHOTOS, trigger_word="TOKANNA")
            reply = await session.ask("get_training_status", task_id=begun.facts["task_id"])
            row = (await session.ask("list_trainings")).facts["trainings"][0]
    assert reply.facts["trigger_word"] == row["trigger_word"] == "TOKIKD"
    assert "Trigger word: TOKIKD." in reply.text
    assert "TOKANNA was requested, but the service returned TOKIKD, which is the one to use." in reply.text
    assert "tell the user the trigger word TOKIKD" in reply.facts["next_step"]


async def test_a_word_that_cannot_be_used_in_a_prompt_is_not_repeated(serving: Serving) -> None:
    with fault_server("accepted", "odd word", faults=FAULTS) as service:
        async with serving(base_url=service.base_url, app_factory=None) as session:
            begun = await session.ask("start_training", **PHOTOS)
            reply = await session.ask("get_training_status", task_id=begun.facts["task_id"])
    assert (reply.facts["status"], reply.facts["trigger_word"]) == ("finished", None)
    assert "HIDDEN" not in reply.text
    assert "look up the trigger word in their Apiframe dashboard" in reply.facts["next_step"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("refused", "connection refused"),
        ("throttled", "is busy"),
        ("throttled_for_seconds", "in 7 seconds"),
    ],
)
async def test_a_provably_unsent_request_waits_in_the_ledger_for_the_same_call(
    serving: Serving, fault: str, expected: str
) -> None:
    with fault_server(fault) as service:
        async with serving(base_url=service.base_url, app_factory=None) as session:
            session.clock.runs = True
            message = await session.refusal("start_training", **PHOTOS)
            [row] = (await session.ask("list_trainings")).facts["trainings"]
            dropped = await session.ask("resolve_training", ref=row["ref"], decision="give_up")
    assert expected in message
    assert f"status submitting, ref {row['ref']}" in message
    assert "nothing was paid" in message
    assert "call start_training again" in message
    assert row["status"] == "submitting"
    assert dropped.facts["status"] == "abandoned"


@pytest.fixture
async def gated(gating: Gating) -> AsyncGenerator[Gated]:
    async with gating("/ai-photo-train") as gated:
        yield gated


async def test_a_second_call_while_the_first_is_being_sent_sends_nothing(gated: Gated) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: gated.session.ask("start_training", training_images_id="sandbox-person"))
        await gated.arrived.wait()
        gated.session.clock.runs = True
        second = await gated.session.ask("start_training", training_images_id="sandbox-person")
        gated.open.set()
    assert (second.facts["status"], second.facts["deduplicated"]) == ("submitting", True)
    assert f"get_training_status with task_id {second.facts['ref']} in a minute" in second.facts["next_step"]
    after = await gated.session.ask("get_training_status", task_id=second.facts["ref"])
    assert after.facts["status"] == "queued"
    assert gated.session.paid() == 1


async def test_a_call_cancelled_by_its_client_is_paid_once_and_not_lost(gated: Gated) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: gated.session.ask("start_training", training_images_id="sandbox-person"))
        with anyio.fail_after(60):
            await gated.arrived.wait()
        group.cancel_scope.cancel()
        gated.open.set()
    with anyio.fail_after(60):
        await gated.session.studio.finish(4)
    again = await gated.session.ask("start_training", training_images_id="sandbox-person")
    assert (again.facts["status"], again.facts["deduplicated"]) == ("queued", True)
    assert again.facts["task_id"] is not None
    assert gated.session.paid() == 1
