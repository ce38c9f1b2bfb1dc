"""Every tool in its main use, in both eras, with the texts for models and users."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]  # comes with the SDK, without types
import pytest

if TYPE_CHECKING:
    from .conftest import Reply, Serving, Session

STARTED = {
    "ref",
    "task_id",
    "status",
    "training_images_id",
    "subject",
    "requested_trigger_word",
    "trigger_word",
    "credits",
    "credits_left",
    "deduplicated",
    "webhook",
    "warnings",
    "sandbox",
    "next_step",
}
STATUS = {
    "ref",
    "task_id",
    "subject",
    "status",
    "percentage",
    "trigger_word",
    "message",
    "started_at",
    "finished_at",
    "eta_seconds",
    "checked_at",
    "warnings",
    "sandbox",
    "next_step",
}


async def _fits(session: Session, tool: str, reply: Reply) -> None:
    """Check the structured content against the tool's output schema, and that the text is complete without it."""
    [schema] = [
        known.output_schema for known in (await session.client.list_tools()).tools if known.name == tool
    ]
    assert schema is not None
    checker = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    checker.validate(reply.facts)
    assert reply.facts["sandbox"] is True
    assert reply.text.startswith("Sandbox: simulated results, no real credits.")
    assert reply.facts["next_step"] in reply.text
    for warning in reply.facts.get("warnings", ()):
        assert warning in reply.text


def _names_itself(reply: Reply) -> None:
    for fact in ("status", "task_id", "ref", "trigger_word", "subject"):
        if reply.facts[fact] is not None:
            assert re.search(rf"\b{re.escape(reply.facts[fact])}\b", reply.text), fact


async def test_start_training_returns_at_once_with_all_known_facts(session: Session) -> None:
    reply = await session.ask(
        "start_training", training_images_id="sandbox-person", subject="Anna", trigger_word="TOKANNA"
    )
    await _fits(session, "start_training", reply)
    _names_itself(reply)
    assert reply.facts.keys() == STARTED
    assert reply.facts["status"] == "queued"
    assert reply.facts["training_images_id"] == "sandbox-person"
    assert reply.facts["requested_trigger_word"] == "TOKANNA"
    assert reply.facts["trigger_word"] is None
    assert reply.facts["deduplicated"] is False
    assert reply.facts["warnings"] == []
    assert "not known yet (TOKANNA was requested)" in reply.text
    assert "wait_for_training" in reply.facts["next_step"]
    assert session.paid() == 1


async def test_a_training_can_be_tracked_from_queued_to_its_trigger_word(session: Session) -> None:
    begun = (await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")).facts
    queued = await session.ask("get_training_status", task_id=begun["task_id"])
    session.clock.at += 400
    running = await session.ask("get_training_status", task_id=begun["ref"])
    session.clock.at += 600
    finished = await session.ask("get_training_status", task_id=begun["task_id"])
    for reply in (queued, running, finished):
        await _fits(session, "get_training_status", reply)
        _names_itself(reply)
        assert reply.facts.keys() == STATUS
    assert (queued.facts["status"], queued.facts["percentage"]) == ("queued", 0)
    assert (running.facts["status"], running.facts["percentage"]) == ("processing", 40)
    assert running.facts["eta_seconds"] == pytest.approx(600, abs=30)
    assert "40 % done" in running.text
    assert "About 10 minutes left." in running.text
    assert (finished.facts["status"], finished.facts["percentage"]) == ("finished", 100)
    assert finished.facts["eta_seconds"] is None
    assert finished.facts["finished_at"] is not None
    word = finished.facts["trigger_word"]
    assert re.fullmatch("TOK[A-Z]{3}", word)
    assert finished.facts["next_step"].startswith(f"tell the user the trigger word {word};")


async def test_get_account_returns_credits_and_plan(session: Session) -> None:
    reply = await session.ask("get_account")
    await _fits(session, "get_account", reply)
    assert reply.facts.keys() == {"credits", "plan", "trainings", "sandbox", "next_step"}
    assert (reply.facts["credits"], reply.facts["plan"]) == (12_000, "sandbox")
    assert "12000 credits on plan 'sandbox'" in reply.text


async def test_list_trainings_is_newest_first_fresh_and_paged(session: Session) -> None:
    for subject in ("Anna", "Berta", "Clara"):
        await session.ask(
            "start_training",
            training_images_id="sandbox-person",
            subject=subject,
            idempotency_key=f"for {subject}",
        )
        session.clock.at += 1000
        await session.ask("list_trainings")
    page = await session.ask("list_trainings", limit=2)
    await _fits(session, "list_trainings", page)
    assert [row["subject"] for row in page.facts["trainings"]] == ["Clara", "Berta"]
    assert all(row["status"] == "finished" and not row["stale"] for row in page.facts["trainings"])
    assert page.facts["total"] == 3
    assert page.facts["next_cursor"] in page.facts["next_step"]
    rest = await session.ask("list_trainings", limit=2, cursor=page.facts["next_cursor"])
    assert [row["subject"] for row in rest.facts["trainings"]] == ["Anna"]
    assert rest.facts["next_cursor"] is None
    for row in page.facts["trainings"]:
        line = next(line for line in page.text.splitlines() if row["ref"] in line)
        for fact in ("subject", "status", "trigger_word", "task_id"):
            assert row[fact] in line
    assert "\n " not in page.text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"subject": "ANNA "}, 1),
        ({"subject": "Unknown"}, 0),
        ({"status": "queued"}, 1),
        ({"status": "failed"}, 0),
    ],
)
async def test_list_trainings_can_be_filtered_by_subject_and_status(
    session: Session, asked: dict[str, str], found: int
) -> None:
    await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    reply = await session.ask("list_trainings", **asked)
    await _fits(session, "list_trainings", reply)
    assert len(reply.facts["trainings"]) == found
    assert found or "omit subject and status" in reply.facts["next_step"]


async def test_an_empty_ledger_is_not_blamed_on_a_filter(session: Session) -> None:
    reply = await session.ask("list_trainings")
    assert reply.facts["next_step"].startswith("to start a training, call check_photos.")


async def test_a_failed_training_is_a_normal_result_with_the_reason(session: Session) -> None:
    begun = (await session.ask("start_training", training_images_id="sandbox-bad-photos")).facts
    session.clock.at += 600
    reply = await session.ask("get_training_status", task_id=begun["task_id"])
    await _fits(session, "get_training_status", reply)
    assert reply.facts["status"] == "failed"
    assert "too few of the images show a face" in reply.text
    assert "It has no trigger word." in reply.text
    step = reply.facts["next_step"]
    order = ["other photos", "check_photos", "prepare_photos", "start_training", "new idempotency_key"]
    assert [step.index(words) for words in order] == sorted(step.index(words) for words in order)


async def test_the_sandbox_lists_its_ready_photo_sets(session: Session) -> None:
    account = await session.ask("get_account")
    assert "start_training" not in account.text
    assert "sandbox-person" not in account.text
    assert "credits are simulated" in account.facts["next_step"]
    for text in (session.client.instructions or "", (await session.ask("list_trainings")).text):
        for photos in ("sandbox-person", "sandbox-bad-photos", "sandbox-expired"):
            assert photos in text


async def test_outside_the_sandbox_no_text_mentions_it(serving: Serving) -> None:
    async with serving(is_sandbox=False) as session:
        reply = await session.ask("start_training", training_images_id="sandbox-person")
        account = await session.ask("get_account")
        message = " ".join(
            (session.client.instructions or "", reply.text.replace("sandbox-person", ""), account.text)
        )
    assert "sandbox" not in message.lower().replace("plan 'sandbox'", "")
    assert reply.facts["sandbox"] is False
    assert "(40 to 120), plus 2 credits for preparing the photos" in account.facts["next_step"]


async def test_the_same_photos_return_the_existing_training(session: Session) -> None:
    first = (
        await session.ask("start_training", training_images_id="sandbox-person", trigger_word="TOKANNA")
    ).facts
    again = await session.ask("start_training", training_images_id="sandbox-person", trigger_word="TOKBERTA")
    assert again.facts["deduplicated"] is True
    assert again.facts["task_id"] == first["task_id"]
    assert "This call cost nothing: the training was started earlier" in again.text
    assert "requested trigger word TOKANNA" in again.facts["warnings"][0]
    assert session.paid() == 1


async def test_a_new_idempotency_key_pays_again_on_purpose(session: Session) -> None:
    await session.ask("start_training", training_images_id="sandbox-person")
    session.clock.at += 1000
    await session.ask("list_trainings")
    again = await session.ask(
        "start_training", training_images_id="sandbox-person", idempotency_key="once more"
    )
    assert again.facts["deduplicated"] is False
    assert session.paid() == 2


@pytest.mark.parametrize(("word", "expected"), [("woman", "ordinary word"), ("TOK42", "digits")])
async def test_a_doubtful_trigger_word_is_a_warning_not_an_error(
    session: Session, word: str, expected: str
) -> None:
    reply = await session.ask("start_training", training_images_id="sandbox-person", trigger_word=word)
    [warning] = reply.facts["warnings"]
    assert expected in warning
    assert word in warning or expected == "digits"
    assert session.paid() == 1


async def test_every_result_with_an_ordinary_trigger_word_has_a_warning(session: Session) -> None:
    begun = await session.ask(
        "start_training",
        training_images_id="sandbox-person",
        subject="Rosalind Moon",
        trigger_word="Rosalind",
    )
    queued = await session.ask("get_training_status", task_id=begun.facts["ref"])
    again = await session.ask("start_training", training_images_id="sandbox-person", trigger_word="Rosalind")
    session.clock.at += 1000
    finished = await session.ask("wait_for_training", task_id=begun.facts["ref"])
    assert finished.facts["trigger_word"] == "Rosalind"
    for reply in (begun, queued, again, finished):
        assert any("Rosalind is an ordinary word or name" in expected for expected in reply.facts["warnings"])
    assert "A made-up word such as TOKANNA is safer." in begun.text
    assert "TOKANNA" not in finished.text


async def test_the_webhook_is_confirmed_in_the_result(session: Session) -> None:
    hook = {"webhook_url": "https://hooks.example/secret-path", "webhook_secret": "s" * 12}
    plain = await session.ask("start_training", training_images_id="sandbox-person")
    again = await session.ask("start_training", training_images_id="sandbox-person", **hook)
    session.clock.at += 1000
    await session.ask("list_trainings")
    second = await session.ask(
        "start_training", training_images_id="sandbox-person", idempotency_key="once more", **hook
    )
    assert [reply.facts["webhook"] for reply in (plain, again, second)] == [None, False, True]
    assert "webhook" not in plain.text
    assert "webhook_url was not used: nothing was sent" in again.text
    assert "Updates are also posted to webhook_url." in second.text
    assert all("secret-path" not in reply.text for reply in (again, second))


@pytest.mark.parametrize("nothing", [None, "", "  "])
async def test_null_and_blank_arguments_count_as_absent(session: Session, nothing: str | None) -> None:
    """Agents with strict schemas send every argument of a tool."""
    optional = dict.fromkeys(
        ("trigger_word", "subject", "webhook_url", "webhook_secret", "idempotency_key"), nothing
    )
    begun = (await session.ask("start_training", training_images_id="sandbox-person", **optional)).facts
    assert (begun["subject"], begun["requested_trigger_word"]) == (None, None)
    filled: dict[str, Any] = dict.fromkeys(("subject", "status", "limit", "cursor"), nothing)
    assert (await session.ask("list_trainings", **filled)).facts["total"] == 1
    session.clock.at += 1000
    waited = await session.ask("wait_for_training", task_id=begun["ref"], max_wait_seconds=nothing)
    assert waited.facts["status"] == "finished"


async def test_a_training_started_elsewhere_can_be_polled_and_imported(
    session: Session, serving: Serving
) -> None:
    elsewhere = (await session.ask("start_training", training_images_id="sandbox-person")).facts["task_id"]
    another = session.studio.config.ledger_path.with_name("another.sqlite3")
    async with serving(ledger_path=another, app_factory=lambda: session.sandbox.app) as here:
        seen = await here.ask("get_training_status", task_id=elsewhere)
        assert (seen.facts["ref"], seen.facts["task_id"]) == (None, elsewhere)
        assert "resolve_training can add it to the list" in seen.text
        taken = await here.ask("resolve_training", ref="Anna", decision="accepted", task_id=elsewhere)
        await _fits(here, "resolve_training", taken)
        _names_itself(taken)
        assert "is now in the list" in taken.text
        listed = await here.ask("list_trainings", subject="anna")
        assert [row["task_id"] for row in listed.facts["trainings"]] == [elsewhere]
    assert session.paid() == 1


async def test_a_list_that_cannot_be_refreshed_shows_the_last_known_state_and_its_age(
    session: Session, serving: Serving
) -> None:
    await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    session.clock.at += 400
    await session.ask("list_trainings")
    async with serving(app_factory=None) as offline:
        reply = await offline.ask("list_trainings")
    [row] = reply.facts["trainings"]
    assert (row["status"], row["percentage"], row["stale"]) == ("processing", 40, True)
    assert "could not be reached" in reply.facts["warnings"][0]
    assert "not refreshed (last seen 20" in reply.text
