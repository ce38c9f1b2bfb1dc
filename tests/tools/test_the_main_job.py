"""Every tool doing what it is for, in both eras, and what a model and a person get to read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]  # comes with the SDK, without types
import pytest

if TYPE_CHECKING:
    from .conftest import Heard, Serving, Talk

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


async def _fits(talk: Talk, tool: str, heard: Heard) -> None:
    """The structured content is what the tool's output schema promises, and the text stands alone."""
    [schema] = [known.output_schema for known in (await talk.client.list_tools()).tools if known.name == tool]
    assert schema is not None
    checker = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    checker.validate(heard.facts)
    assert heard.facts["sandbox"] is True
    assert heard.text.startswith("Sandbox: simulated results, no real credits.")
    assert heard.facts["next_step"] in heard.text
    for told in heard.facts.get("warnings", ()):
        assert told in heard.text


def _names_itself(heard: Heard) -> None:
    for fact in ("status", "task_id", "ref", "trigger_word", "subject"):
        if heard.facts[fact] is not None:
            assert re.search(rf"\b{re.escape(heard.facts[fact])}\b", heard.text), fact


async def test_start_training_returns_at_once_with_everything_that_is_known(talk: Talk) -> None:
    heard = await talk.ask(
        "start_training", training_images_id="sandbox-person", subject="Anna", trigger_word="TOKANNA"
    )
    await _fits(talk, "start_training", heard)
    _names_itself(heard)
    assert heard.facts.keys() == STARTED
    assert heard.facts["status"] == "queued"
    assert heard.facts["training_images_id"] == "sandbox-person"
    assert heard.facts["requested_trigger_word"] == "TOKANNA"
    assert heard.facts["trigger_word"] is None
    assert heard.facts["deduplicated"] is False
    assert heard.facts["warnings"] == []
    assert "not known yet (TOKANNA was requested)" in heard.text
    assert "wait_for_training" in heard.facts["next_step"]
    assert talk.paid() == 1


async def test_a_training_is_followed_from_queued_to_its_trigger_word(talk: Talk) -> None:
    begun = (await talk.ask("start_training", training_images_id="sandbox-person", subject="Anna")).facts
    queued = await talk.ask("get_training_status", task_id=begun["task_id"])
    talk.clock.at += 400
    running = await talk.ask("get_training_status", task_id=begun["ref"])
    talk.clock.at += 600
    finished = await talk.ask("get_training_status", task_id=begun["task_id"])
    for heard in (queued, running, finished):
        await _fits(talk, "get_training_status", heard)
        _names_itself(heard)
        assert heard.facts.keys() == STATUS
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


async def test_get_account_tells_credits_and_plan(talk: Talk) -> None:
    heard = await talk.ask("get_account")
    await _fits(talk, "get_account", heard)
    assert heard.facts.keys() == {"credits", "plan", "sandbox", "next_step"}
    assert (heard.facts["credits"], heard.facts["plan"]) == (12_000, "sandbox")
    assert "12000 credits on plan 'sandbox'" in heard.text


async def test_list_trainings_is_newest_first_fresh_and_paged(talk: Talk) -> None:
    for subject in ("Anna", "Berta", "Clara"):
        await talk.ask(
            "start_training",
            training_images_id="sandbox-person",
            subject=subject,
            idempotency_key=f"for {subject}",
        )
        talk.clock.at += 1000
        await talk.ask("list_trainings")
    page = await talk.ask("list_trainings", limit=2)
    await _fits(talk, "list_trainings", page)
    assert [row["subject"] for row in page.facts["trainings"]] == ["Clara", "Berta"]
    assert all(row["status"] == "finished" and not row["stale"] for row in page.facts["trainings"])
    assert page.facts["total"] == 3
    assert page.facts["next_cursor"] in page.facts["next_step"]
    rest = await talk.ask("list_trainings", limit=2, cursor=page.facts["next_cursor"])
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
        ({"subject": "Nobody"}, 0),
        ({"status": "queued"}, 1),
        ({"status": "failed"}, 0),
    ],
)
async def test_list_trainings_narrows_by_subject_and_status(
    talk: Talk, asked: dict[str, str], found: int
) -> None:
    await talk.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    heard = await talk.ask("list_trainings", **asked)
    await _fits(talk, "list_trainings", heard)
    assert len(heard.facts["trainings"]) == found
    assert found or "omit subject and status" in heard.facts["next_step"]


async def test_an_empty_ledger_is_not_blamed_on_a_filter(talk: Talk) -> None:
    heard = await talk.ask("list_trainings")
    assert heard.facts["next_step"].startswith("to start a training, call check_photos.")


async def test_a_failed_training_is_a_normal_result_with_the_reason(talk: Talk) -> None:
    begun = (await talk.ask("start_training", training_images_id="sandbox-bad-photos")).facts
    talk.clock.at += 600
    heard = await talk.ask("get_training_status", task_id=begun["task_id"])
    await _fits(talk, "get_training_status", heard)
    assert heard.facts["status"] == "failed"
    assert "too few of the images show a face" in heard.text
    assert "It has no trigger word." in heard.text
    step = heard.facts["next_step"]
    order = ["other photos", "check_photos", "prepare_photos", "start_training", "new idempotency_key"]
    assert [step.index(words) for words in order] == sorted(step.index(words) for words in order)


async def test_the_sandbox_tells_which_photos_can_be_trained_on(talk: Talk) -> None:
    account = await talk.ask("get_account")
    assert "start_training" not in account.text
    assert "sandbox-person" not in account.text
    assert "credits are simulated" in account.facts["next_step"]
    for text in (talk.client.instructions or "", (await talk.ask("list_trainings")).text):
        for photos in ("sandbox-person", "sandbox-bad-photos", "sandbox-expired"):
            assert photos in text


async def test_outside_the_sandbox_nothing_speaks_of_it(serving: Serving) -> None:
    async with serving(is_sandbox=False) as talk:
        heard = await talk.ask("start_training", training_images_id="sandbox-person")
        account = await talk.ask("get_account")
        said = " ".join(
            (talk.client.instructions or "", heard.text.replace("sandbox-person", ""), account.text)
        )
    assert "sandbox" not in said.lower().replace("plan 'sandbox'", "")
    assert heard.facts["sandbox"] is False
    assert "(40 to 120), plus 2 for preparing the photos" in account.facts["next_step"]


async def test_the_same_photos_again_return_the_training_that_already_is(talk: Talk) -> None:
    first = (
        await talk.ask("start_training", training_images_id="sandbox-person", trigger_word="TOKANNA")
    ).facts
    again = await talk.ask("start_training", training_images_id="sandbox-person", trigger_word="TOKBERTA")
    assert again.facts["deduplicated"] is True
    assert again.facts["task_id"] == first["task_id"]
    assert "This call cost nothing: the training was started earlier" in again.text
    assert "requested trigger word TOKANNA" in again.facts["warnings"][0]
    assert talk.paid() == 1


async def test_a_new_idempotency_key_pays_again_on_purpose(talk: Talk) -> None:
    await talk.ask("start_training", training_images_id="sandbox-person")
    talk.clock.at += 1000
    await talk.ask("list_trainings")
    again = await talk.ask("start_training", training_images_id="sandbox-person", idempotency_key="once more")
    assert again.facts["deduplicated"] is False
    assert talk.paid() == 2


@pytest.mark.parametrize(("word", "told"), [("woman", "ordinary word"), ("TOK42", "digits")])
async def test_a_doubtful_trigger_word_is_a_warning_and_no_refusal(talk: Talk, word: str, told: str) -> None:
    heard = await talk.ask("start_training", training_images_id="sandbox-person", trigger_word=word)
    [warning] = heard.facts["warnings"]
    assert told in warning
    assert word in warning or told == "digits"
    assert talk.paid() == 1


async def test_an_ordinary_trigger_word_is_warned_of_in_every_result_that_shows_it(talk: Talk) -> None:
    begun = await talk.ask(
        "start_training",
        training_images_id="sandbox-person",
        subject="Rosalind Moon",
        trigger_word="Rosalind",
    )
    queued = await talk.ask("get_training_status", task_id=begun.facts["ref"])
    again = await talk.ask("start_training", training_images_id="sandbox-person", trigger_word="Rosalind")
    talk.clock.at += 1000
    finished = await talk.ask("wait_for_training", task_id=begun.facts["ref"])
    assert finished.facts["trigger_word"] == "Rosalind"
    for heard in (begun, queued, again, finished):
        assert any("Rosalind is an ordinary word or name" in told for told in heard.facts["warnings"])
    assert "A made-up word such as TOKANNA is safer." in begun.text
    assert "TOKANNA" not in finished.text


async def test_the_webhook_is_confirmed_in_the_result(talk: Talk) -> None:
    hook = {"webhook_url": "https://hooks.example/secret-path", "webhook_secret": "s" * 12}
    plain = await talk.ask("start_training", training_images_id="sandbox-person")
    again = await talk.ask("start_training", training_images_id="sandbox-person", **hook)
    talk.clock.at += 1000
    await talk.ask("list_trainings")
    anew = await talk.ask(
        "start_training", training_images_id="sandbox-person", idempotency_key="once more", **hook
    )
    assert [heard.facts["webhook"] for heard in (plain, again, anew)] == [None, False, True]
    assert "webhook" not in plain.text
    assert "webhook_url was not used: nothing was sent" in again.text
    assert "Updates are also posted to webhook_url." in anew.text
    assert all("secret-path" not in heard.text for heard in (again, anew))


@pytest.mark.parametrize("nothing", [None, "", "  "])
async def test_null_and_blank_mean_that_an_argument_was_not_given(talk: Talk, nothing: str | None) -> None:
    """Agents with strict schemas fill in every argument that there is."""
    optional = dict.fromkeys(
        ("trigger_word", "subject", "webhook_url", "webhook_secret", "idempotency_key"), nothing
    )
    begun = (await talk.ask("start_training", training_images_id="sandbox-person", **optional)).facts
    assert (begun["subject"], begun["requested_trigger_word"]) == (None, None)
    filled: dict[str, Any] = dict.fromkeys(("subject", "status", "limit", "cursor"), nothing)
    assert (await talk.ask("list_trainings", **filled)).facts["total"] == 1
    talk.clock.at += 1000
    waited = await talk.ask("wait_for_training", task_id=begun["ref"], max_wait_seconds=nothing)
    assert waited.facts["status"] == "finished"


async def test_a_training_made_elsewhere_can_be_looked_at_and_taken_into_the_list(
    talk: Talk, serving: Serving
) -> None:
    elsewhere = (await talk.ask("start_training", training_images_id="sandbox-person")).facts["task_id"]
    another = talk.studio.plan.ledger_path.with_name("another.sqlite3")
    async with serving(ledger_path=another, stand_in=lambda: talk.sandbox.app) as here:
        seen = await here.ask("get_training_status", task_id=elsewhere)
        assert (seen.facts["ref"], seen.facts["task_id"]) == (None, elsewhere)
        assert "resolve_training can add it to the list" in seen.text
        taken = await here.ask("resolve_training", ref="Anna", decision="accepted", task_id=elsewhere)
        await _fits(here, "resolve_training", taken)
        _names_itself(taken)
        assert "is now in the list" in taken.text
        listed = await here.ask("list_trainings", subject="anna")
        assert [row["task_id"] for row in listed.facts["trainings"]] == [elsewhere]
    assert talk.paid() == 1


async def test_a_list_that_cannot_be_refreshed_shows_the_last_known_state_and_its_age(
    talk: Talk, serving: Serving
) -> None:
    await talk.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    talk.clock.at += 400
    await talk.ask("list_trainings")
    async with serving(stand_in=None) as offline:
        heard = await offline.ask("list_trainings")
    [row] = heard.facts["trainings"]
    assert (row["status"], row["percentage"], row["stale"]) == ("processing", 40, True)
    assert "could not be reached" in heard.facts["warnings"][0]
    assert "not refreshed (last seen 20" in heard.text
