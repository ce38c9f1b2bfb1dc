"""Open and unconfirmed requests of every kind are listed in one place with their next steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apiframe_studio.ledger import Answer, Kind, NewImages, Submission
from apiframe_studio.ledger.states import Event

from ..studio.new_submissions import new_submission

if TYPE_CHECKING:
    from .conftest import Session


async def _sending(session: Session, kind: Kind, **facts: Any) -> Submission:
    """A request without a response, as left by a killed process."""
    ledger, now = session.studio.ledger, session.clock.now()
    row, _ = await ledger.get_or_create(
        new_submission(kind, f"about {kind.value}", subject="Anna", **facts), now
    )
    sending = await ledger.begin_sending(row.ref, now, 30.0)
    assert sending is not None
    return sending


async def test_every_kind_killed_while_sending_is_unconfirmed_and_listed_with_its_next_step(
    session: Session,
) -> None:
    rows = [await _sending(session, kind) for kind in Kind]
    session.clock.at += 31
    listed = await session.ask("list_trainings")
    unsettled = {row["ref"]: row for row in listed.facts["unsettled"]}
    assert unsettled.keys() == {row.ref for row in rows}
    assert {row["kind"] for row in unsettled.values()} == {"training", "upload", "generation"}
    assert {row["status"] for row in unsettled.values()} == {"unconfirmed"}
    assert {row["ref"] for row in listed.facts["trainings"]} == {
        row.ref for row in rows if row.kind is Kind.TRAINING
    }
    for row in rows:
        step = unsettled[row.ref]["next_step"]
        assert f"resolve_training with ref {row.ref}" in step
        assert step in listed.text
    assert "- photo upload of Anna: unconfirmed, ref" in listed.text
    assert "- image generation of Anna: unconfirmed, ref" in listed.text


async def test_an_accepted_upload_and_images_under_way_are_unsettled_and_a_training_under_way_is_not(
    session: Session,
) -> None:
    ledger = session.studio.ledger
    begun = await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    for kind, facts in ((Kind.UPLOAD, {}), (Kind.GENERATION, {"prompt": "TOKANNA by the sea"})):
        row = await _sending(session, kind, **facts)
        await ledger.record_response(
            row.ref, row.attempt, Event.ACCEPTED, Answer(task_id=f"task-{kind.value}"), session.clock.now()
        )
    listed = await session.ask("list_trainings")
    assert [row["kind"] for row in listed.facts["unsettled"]] == ["generation", "upload"] or [
        row["kind"] for row in listed.facts["unsettled"]
    ] == ["upload", "generation"]
    assert [row["ref"] for row in listed.facts["trainings"]] == [begun.facts["ref"]]
    assert "call prepare_photos again with the same arguments to get it" in listed.text
    assert "call generate_photos again with the same arguments to get it" in listed.text
    assert "prompt 'TOKANNA by the sea'" in listed.text


async def test_a_training_missing_at_the_service_is_unsettled(session: Session) -> None:
    begun = await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    session.sandbox.store.forget([begun.facts["task_id"]])
    [row] = (await session.ask("list_trainings")).facts["unsettled"]
    assert row["ref"] == begun.facts["ref"]
    assert "give_up to end it" in row["next_step"]


@pytest.mark.parametrize("asked", [{}, {"subject": "Bob"}, {"status": "finished"}], ids=str)
async def test_a_training_missing_at_the_service_is_unsettled_with_any_filter(
    session: Session, asked: dict[str, str]
) -> None:
    begun = await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    session.sandbox.store.forget([begun.facts["task_id"]])
    await session.ask("list_trainings")
    [row] = (await session.ask("list_trainings", **asked)).facts["unsettled"]
    assert row["ref"] == begun.facts["ref"]


@pytest.mark.parametrize("era", ["auto"], indirect=True)
async def test_the_list_has_the_number_of_unsettled_requests_if_it_cannot_return_all(
    session: Session,
) -> None:
    ledger, now = session.studio.ledger, session.clock.now()
    for number in range(55):
        new = NewImages("about", str(number))
        row, _ = await ledger.get_or_create(new, now)
        await ledger.begin_sending(row.ref, now, 30.0)
    session.clock.at += 31
    listed = await session.ask("list_trainings")
    assert (len(listed.facts["unsettled"]), listed.facts["unsettled_total"]) == (50, 55)
    assert "\n- and 45 more (the field unsettled has the first 50)\n" in listed.text


async def test_without_unsettled_requests_none_are_mentioned(session: Session) -> None:
    listed = await session.ask("list_trainings")
    assert (listed.facts["unsettled"], listed.facts["unsettled_total"]) == ([], 0)
    assert "settled" not in listed.text


async def test_rejected_requests_are_hidden_and_counted_unless_requested(session: Session) -> None:
    for photos in ("sandbox-expired", "never-uploaded"):
        await session.refusal("start_training", training_images_id=photos, subject="Anna")
    begun = await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    listed = await session.ask("list_trainings")
    assert [row["ref"] for row in listed.facts["trainings"]] == [begun.facts["ref"]]
    assert listed.facts["total"] == 1
    expected = "2 rejected requests not shown, which cost nothing: list with status rejected."
    assert listed.facts["warnings"] == [expected]
    assert expected in listed.text
    rejected = await session.ask("list_trainings", status="rejected")
    assert [row["status"] for row in rejected.facts["trainings"]] == ["rejected", "rejected"]
    assert rejected.facts["warnings"] == []


@pytest.mark.parametrize("era", ["auto"], indirect=True)
async def test_later_pages_do_not_repeat_unsettled_requests(session: Session) -> None:
    for number in range(3):
        await session.ask(
            "start_training",
            training_images_id="sandbox-person",
            subject="Anna",
            idempotency_key=f"key {number}",
        )
        session.clock.at += 1001
        await session.ask("list_trainings")
    await _sending(session, Kind.UPLOAD)
    first = await session.ask("list_trainings", limit=2)
    rest = await session.ask("list_trainings", limit=2, cursor=first.facts["next_cursor"])
    assert len(first.facts["unsettled"]) == 1
    assert rest.facts["unsettled"] == []
