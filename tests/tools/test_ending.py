"""A user can resolve a task that is missing at the service, but not one that it may still finish."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from apiframe_studio.ledger import Answer, Kind, NewUpload, Submission
from apiframe_studio.ledger.states import Event, State

from ..faults.fault_server import answer, fault_server, replying
from ..studio.new_submissions import new_submission
from .illustrated import refuse, show

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from socket import socket

    from ..faults.fault_server import FaultServer
    from .conftest import Serving, Session

DAY = 24 * 3600.0
GENERATE = "/ai-photo-generate"
REQUEST = {"subject": "Anna", "prompt": "by the sea"}


async def _begun(session: Session) -> dict[str, Any]:
    return (await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")).facts


@pytest.fixture
async def slow(serving: Serving) -> AsyncGenerator[Session]:
    """A service on which images take a minute, and a trained subject."""
    async with serving(speeds={"generation_seconds": 60.0}) as session:
        await _begun(session)
        session.clock.at += 1001
        await session.ask("list_trainings")
        yield session


async def test_give_up_is_rejected_while_the_service_has_the_task_and_allowed_after_a_day(
    serving: Serving,
) -> None:
    async with serving(speeds={"training_seconds": 10 * DAY}) as session:
        begun = await _begun(session)
        message = await session.refusal("resolve_training", ref=begun["ref"], decision="give_up")
        session.clock.at += DAY + 1
        ended = await session.ask("resolve_training", ref=begun["ref"], decision="give_up")
        again = await _begun(session)
        assert session.paid() == 2
    assert "is queued: the service has it and may still finish it, so it was not given up" in message
    assert "from 2026-09-22 14:13 UTC on" in message
    assert "Next: call get_training_status" in message
    assert ended.facts["status"] == "abandoned"
    assert again["deduplicated"] is False


async def test_a_training_missing_at_the_service_is_reported_and_can_be_given_up(
    session: Session,
) -> None:
    begun = await _begun(session)
    session.sandbox.store.forget([begun["task_id"]])
    seen = await session.ask("get_training_status", task_id=begun["ref"])
    waited = await session.ask("wait_for_training", task_id=begun["ref"])
    for reply in (seen, waited):
        assert reply.facts["status"] == "queued"
        assert "The service does not know this id." in reply.facts["warnings"]
        assert f"resolve_training with ref {begun['ref']}: accepted" in reply.facts["next_step"]
        assert "give_up to end it" in reply.facts["next_step"]
    ended = await session.ask("resolve_training", ref=begun["ref"], decision="give_up")
    assert ended.facts["status"] == "abandoned"
    assert (await _begun(session))["deduplicated"] is False


async def test_images_missing_at_the_service_can_be_given_up_and_generated_again(
    slow: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apiframe_tools.generate_photos.MAX_SECONDS", 0.3)
    begun = await show(slow, "generate_photos", **REQUEST)
    assert begun.facts["status"] in ("queued", "processing")
    too_early = await slow.refusal("resolve_training", ref=begun.facts["ref"], decision="give_up")
    assert "Next: call generate_photos" in too_early
    slow.sandbox.store.forget([begun.facts["task_id"]])
    slow.clock.wake()
    message = await refuse(slow, "generate_photos", **REQUEST)
    assert "were made and paid for" in message
    assert f"resolve_training with ref {begun.facts['ref']} and give_up ends it" in message
    ended = await slow.ask("resolve_training", ref=begun.facts["ref"], decision="give_up")
    assert ended.facts["status"] == "abandoned"
    slow.clock.runs = True
    monkeypatch.setattr("apiframe_tools.generate_photos.MAX_SECONDS", 20.0)
    again = await show(slow, "generate_photos", **REQUEST)
    assert (again.facts["status"], again.facts["ref"] != begun.facts["ref"]) == ("finished", True)
    assert slow.asked(GENERATE) == 2


async def test_an_accepted_id_of_images_is_checked_with_the_service_and_can_be_corrected(
    serving: Serving,
) -> None:
    trained = {"task_id": "t-1", "status": "finished", "percentage": 100, "trigger_word": "TOKABC"}
    running = {"task_id": "g-2", "status": "processing", "task_type": "ai-photo-generate"}
    faults = {
        "trained": replying(answer("200 OK", trained)),
        "running": replying(answer("200 OK", running)),
        "unknown": replying(answer("404 Not Found", {"message": "Task not found"})),
    }
    order = ("trained", "reset_after_request", "unknown", "trained", "running", "unknown", "running")
    with fault_server(*order, faults=faults) as service:
        async with serving(base_url=service.base_url, app_factory=None, is_sandbox=False) as session:
            lost = await show(session, "generate_photos", task_id="t-1", prompt="by the sea")
            ref = lost.facts["ref"]
            accepted = {"ref": ref, "decision": "accepted"}
            typed = await session.refusal("resolve_training", **accepted, task_id="g-typo")
            other = await session.refusal("resolve_training", **accepted, task_id="t-1")
            taken = await session.ask("resolve_training", **accepted, task_id="g-3")
            corrected = await session.ask("resolve_training", **accepted, task_id="g-2")
            row = await session.studio.ledger.find(ref, session.clock.now())
    assert "Neither this ledger nor the service knows that task_id" in typed
    assert "This id is a training, not an image generation; nothing was recorded." in other
    assert (taken.facts["status"], taken.facts["task_id"]) == ("queued", "g-3")
    assert (corrected.facts["status"], corrected.facts["task_id"]) == ("queued", "g-2")
    assert row is not None
    assert row.missing_since is None


async def test_a_valid_id_is_not_lost_by_a_second_decision(session: Session) -> None:
    begun = await _begun(session)
    another = await session.ask("start_training", training_images_id="sandbox-bad-photos", subject="Berta")
    message = await session.refusal(
        "resolve_training", ref=begun["ref"], decision="accepted", task_id=another.facts["task_id"]
    )
    assert f"That task_id belongs to {another.facts['ref']}" in message
    assert (await session.ask("get_training_status", task_id=begun["ref"])).facts["task_id"] == begun[
        "task_id"
    ]


async def test_only_an_unnamed_row_gets_a_name(session: Session) -> None:
    begun = await _begun(session)
    nameless = await session.ask("start_training", training_images_id="sandbox-bad-photos")
    session.clock.at += 1001
    made = await show(session, "generate_photos", **REQUEST)
    accepted = {"decision": "accepted", "task_id": begun["task_id"]}
    message = await session.refusal("resolve_training", ref="Berta", **accepted)
    assert message.startswith(
        f"The subject of that training (ref {begun['ref']}) is already 'Anna'; nothing was changed."
    )
    same = await session.ask("resolve_training", ref=" ANNA ", **accepted)
    assert (same.facts["ref"], same.facts["subject"]) == (begun["ref"], "Anna")
    named = await session.ask(
        "resolve_training", ref="Berta", decision="accepted", task_id=nameless.facts["task_id"]
    )
    assert (named.facts["ref"], named.facts["subject"]) == (nameless.facts["ref"], "Berta")
    refusal = await session.refusal(
        "resolve_training", ref="Berta", decision="accepted", task_id=made.facts["task_id"]
    )
    assert refusal.startswith("This id is an image generation, not a training.")
    row = await session.studio.ledger.find(made.facts["ref"], session.clock.now())
    assert row is not None
    assert row.subject == "Anna"


async def test_an_upload_missing_at_the_service_can_be_given_up(session: Session) -> None:
    ledger, now = session.studio.ledger, session.clock.now()
    row, _ = await ledger.get_or_create(NewUpload(fingerprint="print", subject="Anna"), now)
    sending = await ledger.begin_sending(row.ref, now, 30.0)
    assert sending is not None
    await ledger.record_response(
        sending.ref, 1, Event.ACCEPTED, Answer(task_id="forgotten-by-the-service"), now
    )
    ended = await session.ask("resolve_training", ref=row.ref, decision="give_up")
    assert ended.facts["status"] == "abandoned"
    assert "The photo upload of Anna is abandoned" in ended.text
    assert "prepare_photos starts a new one" in ended.facts["next_step"]


KNOWN_AGAIN: dict[str, tuple[Kind, dict[str, Any]]] = {
    "upload": (Kind.UPLOAD, {"task_id": "x-1", "status": "processing"}),
    "images": (Kind.GENERATION, {"task_id": "x-1", "status": "processing", "task_type": "ai-photo-generate"}),
}


async def _missing(session: Session, kind: Kind) -> Submission:
    """A paid request that was missing at the service once."""
    ledger, now = session.studio.ledger, session.clock.now()
    new = new_submission(kind, "print", subject="Anna", photo_count=1, image_count=1)
    row, _ = await ledger.get_or_create(new, now)
    sending = await ledger.begin_sending(row.ref, now, 30.0)
    assert sending is not None
    await ledger.record_response(sending.ref, 1, Event.ACCEPTED, Answer(task_id="x-1"), now)
    missing = await ledger.mark_missing(row.ref, now)
    assert missing is not None
    return missing


@pytest.mark.parametrize("what", KNOWN_AGAIN)
async def test_a_task_found_again_at_the_service_is_neither_given_up_nor_given_another_id(
    serving: Serving, what: str
) -> None:
    kind, seen = KNOWN_AGAIN[what]
    with fault_server("seen", faults={"seen": replying(answer("200 OK", seen))}) as service:
        async with serving(base_url=service.base_url, app_factory=None, is_sandbox=False) as session:
            row = await _missing(session, kind)
            message = await session.refusal("resolve_training", ref=row.ref, decision="give_up")
            found = await session.studio.ledger.find(row.ref, session.clock.now())
            await session.studio.ledger.mark_missing(row.ref, session.clock.now())
            await session.refusal("resolve_training", ref=row.ref, decision="accepted", task_id="x-2")
            kept = await session.studio.ledger.find(row.ref, session.clock.now())
    assert "may still finish it, so it was not given up" in message
    assert found is not None
    assert (found.state, found.missing_since) == (State.PROCESSING, None)
    assert kept is not None
    assert (kept.state, kept.task_id) == (State.PROCESSING, "x-1")


async def test_a_photo_set_found_to_be_ready_is_not_given_up(serving: Serving) -> None:
    ready = {"task_id": "x-1", "status": "finished", "expires_at": "2026-09-23T00:00:00Z"}
    with fault_server("ready", faults={"ready": replying(answer("200 OK", ready))}) as service:
        async with serving(base_url=service.base_url, app_factory=None, is_sandbox=False) as session:
            row = await _missing(session, Kind.UPLOAD)
            await session.refusal("resolve_training", ref=row.ref, decision="give_up")
            found = await session.studio.ledger.find(row.ref, session.clock.now())
    assert found is not None
    assert (found.state, found.missing_since) == (State.FINISHED, None)
    assert found.expires_at is not None


@pytest.mark.parametrize("are_there", [True, False])
async def test_images_can_be_given_up_only_when_their_links_no_longer_work(
    serving: Serving, are_there: bool
) -> None:
    image = BytesIO()
    Image.new("RGB", (64, 64)).save(image, "PNG")
    link = answer("200 OK", image.getvalue()) if are_there else answer("404 Not Found")

    def made(connection: socket, server: FaultServer) -> None:
        links = [f"{server.base_url}/1.png"]
        replying(answer("200 OK", {"status": "finished", "image_urls": links}))(connection, server)

    with fault_server("made", "image", faults={"made": made, "image": replying(link)}) as service:
        async with serving(base_url=service.base_url, app_factory=None, is_sandbox=False) as session:
            row = await _missing(session, Kind.GENERATION)
            result = await session.call("resolve_training", ref=row.ref, decision="give_up")
            found = await session.studio.ledger.find(row.ref, session.clock.now())
    assert result.is_error is are_there
    assert found is not None
    assert found.state is (State.PROCESSING if are_there else State.ABANDONED)
