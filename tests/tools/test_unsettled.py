"""Everything that is open or unconfirmed, of any kind, is seen in one place, with its next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apiframe_studio.ledger import Answer, Kind, NewSubmission, Submission
from apiframe_studio.submission import Event

if TYPE_CHECKING:
    from .conftest import Talk


async def _sending(talk: Talk, kind: Kind, **facts: Any) -> Submission:
    """A request of which no answer came, as a killed process leaves it behind."""
    ledger, now = talk.studio.ledger, talk.clock.now()
    row, _ = await ledger.admit(
        NewSubmission(kind, ledger.service, ledger.owner, f"about {kind.value}", subject="Anna", **facts), now
    )
    sending = await ledger.begin_sending(row.ref, now, 30.0)
    assert sending is not None
    return sending


async def test_what_was_killed_while_sending_is_unconfirmed_for_every_kind_and_listed_with_its_next_step(
    talk: Talk,
) -> None:
    rows = [await _sending(talk, kind) for kind in Kind]
    talk.clock.at += 31
    listed = await talk.ask("list_trainings")
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
    talk: Talk,
) -> None:
    ledger = talk.studio.ledger
    begun = await talk.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    for kind, facts in ((Kind.UPLOAD, {}), (Kind.GENERATION, {"prompt": "TOKANNA by the sea"})):
        row = await _sending(talk, kind, **facts)
        await ledger.settle(row, Event.ACCEPTED, Answer(task_id=f"task-{kind.value}"), talk.clock.now())
    listed = await talk.ask("list_trainings")
    assert [row["kind"] for row in listed.facts["unsettled"]] == ["generation", "upload"] or [
        row["kind"] for row in listed.facts["unsettled"]
    ] == ["upload", "generation"]
    assert [row["ref"] for row in listed.facts["trainings"]] == [begun.facts["ref"]]
    assert "call prepare_photos again with the same arguments to get it" in listed.text
    assert "call generate_photos again with the same arguments to get it" in listed.text
    assert "prompt 'TOKANNA by the sea'" in listed.text


async def test_a_training_that_the_service_does_not_know_is_unsettled(talk: Talk) -> None:
    begun = await talk.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    talk.sandbox.store.forget([begun.facts["task_id"]])
    [row] = (await talk.ask("list_trainings")).facts["unsettled"]
    assert row["ref"] == begun.facts["ref"]
    assert "give_up to end it" in row["next_step"]


@pytest.mark.parametrize("asked", [{}, {"subject": "Bob"}, {"status": "finished"}], ids=str)
async def test_a_training_that_the_service_does_not_know_is_unsettled_whatever_is_asked_for(
    talk: Talk, asked: dict[str, str]
) -> None:
    begun = await talk.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    talk.sandbox.store.forget([begun.facts["task_id"]])
    await talk.ask("list_trainings")
    [row] = (await talk.ask("list_trainings", **asked)).facts["unsettled"]
    assert row["ref"] == begun.facts["ref"]


@pytest.mark.parametrize("era", ["auto"], indirect=True)
async def test_the_list_says_how_many_are_unsettled_when_there_are_more_than_it_returns(talk: Talk) -> None:
    ledger, now = talk.studio.ledger, talk.clock.now()
    for number in range(55):
        new = NewSubmission(Kind.GENERATION, ledger.service, ledger.owner, f"about {number}")
        row, _ = await ledger.admit(new, now)
        await ledger.begin_sending(row.ref, now, 30.0)
    talk.clock.at += 31
    listed = await talk.ask("list_trainings")
    assert (len(listed.facts["unsettled"]), listed.facts["unsettled_total"]) == (50, 55)
    assert "\n- and 45 more (the field unsettled has the first 50)\n" in listed.text


async def test_without_anything_open_nothing_is_said_about_it(talk: Talk) -> None:
    listed = await talk.ask("list_trainings")
    assert (listed.facts["unsettled"], listed.facts["unsettled_total"]) == ([], 0)
    assert "settled" not in listed.text


async def test_rejected_mistakes_are_hidden_and_counted_unless_asked_for(talk: Talk) -> None:
    for photos in ("sandbox-expired", "never-uploaded"):
        await talk.refusal("start_training", training_images_id=photos, subject="Anna")
    begun = await talk.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    listed = await talk.ask("list_trainings")
    assert [row["ref"] for row in listed.facts["trainings"]] == [begun.facts["ref"]]
    assert listed.facts["total"] == 1
    told = "2 rejected requests not shown, which cost nothing: list with status rejected."
    assert listed.facts["warnings"] == [told]
    assert told in listed.text
    rejected = await talk.ask("list_trainings", status="rejected")
    assert [row["status"] for row in rejected.facts["trainings"]] == ["rejected", "rejected"]
    assert rejected.facts["warnings"] == []


@pytest.mark.parametrize("era", ["auto"], indirect=True)
async def test_later_pages_do_not_repeat_what_is_unsettled(talk: Talk) -> None:
    for number in range(3):
        await talk.ask(
            "start_training",
            training_images_id="sandbox-person",
            subject="Anna",
            idempotency_key=f"key {number}",
        )
        talk.clock.at += 1001
        await talk.ask("list_trainings")
    await _sending(talk, Kind.UPLOAD)
    first = await talk.ask("list_trainings", limit=2)
    rest = await talk.ask("list_trainings", limit=2, cursor=first.facts["next_cursor"])
    assert len(first.facts["unsettled"]) == 1
    assert rest.facts["unsettled"] == []
