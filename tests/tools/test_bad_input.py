"""Each kind of bad input gets a clear sentence with the next step; nothing is lost and nothing sent."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from apiframe_studio.api.errors import InsufficientCredits, TooManyTrainings
from apiframe_studio.sandbox import Sandbox
from apiframe_tools.wording.service_errors import render_error

from ..faults.fault_server import fault_server

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import HandClock, Serving, Session

CANARY = "canary-7f3a9c51"
LONG = CANARY * 66_000
ATTRIBUTES = {"gender": "female", "ethnicity": "white"}
PHOTOS = {"training_images_id": "sandbox-person"}

# Tool, arguments, expected text. The canary is in every value and must not be in any error.
WRONG_ARGUMENTS: list[tuple[str, dict[str, Any], str]] = [
    ("start_training", {}, "training_images_id is missing. Nothing was done. start_training takes:"),
    ("start_training", {"training_images_id": None}, "training_images_id is missing."),
    ("start_training", {"training_images_id": ""}, "training_images_id is empty."),
    ("start_training", {"training_images_id": " \t\n"}, "training_images_id is empty."),
    ("start_training", {"training_images_id": LONG}, "training_images_id must have at most 200 characters."),
    (
        "start_training",
        {"training_images_id": f"{CANARY} ünïcode"},
        "training_images_id must be an id that the service",
    ),
    ("start_training", {"training_images_id": f"{CANARY}\u200b"}, "letters, digits and"),
    ("start_training", {"training_images_id": [CANARY]}, "training_images_id must be text."),
    ("start_training", {"training_images_id": {CANARY: CANARY}}, "training_images_id must be text."),
    ("start_training", {"training_images_id": 7}, "training_images_id must be text."),
    ("start_training", {**PHOTOS, "images": [CANARY]}, "Not an argument of this tool: images."),
    ("start_training", {**PHOTOS, "trigger_word": "ab"}, "trigger_word must have at least 3 characters"),
    ("start_training", {**PHOTOS, "trigger_word": LONG}, "trigger_word must have at most 32 characters"),
    ("start_training", {**PHOTOS, "trigger_word": f"{CANARY} x"}, "trigger_word must be one word"),
    ("start_training", {**PHOTOS, "trigger_word": "Ännchen"}, "(for example TOKANNA)"),
    ("start_training", {**PHOTOS, "subject": LONG}, "subject must have at most 80 characters."),
    ("start_training", {**PHOTOS, "subject": f"{CANARY}\nb"}, "subject must be a short name on one line"),
    (
        "start_training",
        {**PHOTOS, "webhook_url": "http://example.org/?" + CANARY},
        "webhook_url must begin with https://",
    ),
    ("start_training", {**PHOTOS, "webhook_url": CANARY}, "webhook_url is not a URL"),
    (
        "start_training",
        {**PHOTOS, "webhook_url": f"https://u:{CANARY}@example.org"},
        "must not contain a user name",
    ),
    (
        "start_training",
        {**PHOTOS, "webhook_url": "https://" + LONG},
        "webhook_url must have at most 2048 characters.",
    ),
    (
        "start_training",
        {**PHOTOS, "webhook_secret": LONG},
        "webhook_secret must have at most 1024 characters.",
    ),
    (
        "start_training",
        {**PHOTOS, "idempotency_key": LONG},
        "idempotency_key must have at most 80 characters.",
    ),
    ("resolve_training", {"decision": "give_up"}, "ref is missing."),
    ("resolve_training", {"ref": "", "decision": "give_up"}, "ref is empty."),
    ("resolve_training", {"ref": " ", "decision": "give_up"}, "ref is empty."),
    ("get_training_status", {"task_id": LONG}, "task_id must have at most 200 characters."),
    (
        "get_training_status",
        {"task_id": f"{CANARY}-訓練"},
        "task_id must be an id that the service or this server returned",
    ),
    ("get_training_status", {"id": CANARY}, "Not an argument of this tool: id. Nothing was done."),
    ("wait_for_training", {"task_id": CANARY, "max_wait_seconds": 0}, "max_wait_seconds must be at least 1."),
    (
        "wait_for_training",
        {"task_id": CANARY, "max_wait_seconds": -1},
        "max_wait_seconds must be at least 1.",
    ),
    (
        "wait_for_training",
        {"task_id": CANARY, "max_wait_seconds": 46},
        "max_wait_seconds must be at most 45.",
    ),
    (
        "wait_for_training",
        {"task_id": CANARY, "max_wait_seconds": "x"},
        "max_wait_seconds must be a whole number.",
    ),
    (
        "wait_for_training",
        {"task_id": CANARY, "max_wait_seconds": 1.5},
        "max_wait_seconds must be a whole number.",
    ),
    (
        "wait_for_training",
        {"task_id": CANARY, "max_wait_seconds": [1]},
        "max_wait_seconds must be a whole number.",
    ),
    ("list_trainings", {"limit": 0}, "limit must be at least 1."),
    ("list_trainings", {"limit": 51}, "limit must be at most 50."),
    ("list_trainings", {"status": CANARY}, "status must be one of 'submitting', 'queued',"),
    ("list_trainings", {"cursor": CANARY}, "Call list_trainings without cursor"),
    ("list_trainings", {"cursor": LONG}, "cursor must have at most 80 characters."),
    ("list_trainings", {"page": CANARY}, "list_trainings takes: subject, status, limit, cursor."),
    ("resolve_training", {"ref": CANARY}, "decision is missing."),
    ("resolve_training", {"ref": CANARY, "decision": CANARY}, "'accepted', 'send_again' or 'give_up'"),
    (
        "resolve_training",
        {"ref": CANARY, "decision": "accepted"},
        "needs the task_id that the Apiframe dashboard",
    ),
    ("resolve_training", {"ref": CANARY, "decision": "give_up"}, "Call list_trainings"),
    (
        "resolve_training",
        {"ref": f"{CANARY}\x1b", "decision": "give_up"},
        "ref must be a short name on one line",
    ),
    ("check_photos", {"paths": [CANARY] * 501}, "paths must have at most 500 entries."),
    ("check_photos", {"paths": []}, "paths is empty."),
    (
        "prepare_photos",
        {**ATTRIBUTES, "paths": [CANARY], "consent": CANARY},
        "consent must be true or false.",
    ),
    ("prepare_photos", {**ATTRIBUTES, "paths": [CANARY], "consent": [1]}, "consent must be true or false."),
    (
        "get_account",
        {"key": CANARY},
        "Not an argument of this tool: key. Nothing was done. get_account takes: no arguments.",
    ),
]


@pytest.mark.parametrize(("tool", "arguments", "expected"), WRONG_ARGUMENTS, ids=range(len(WRONG_ARGUMENTS)))
async def test_a_wrong_argument_is_reported_with_what_is_allowed(
    session: Session, tool: str, arguments: dict[str, Any], expected: str
) -> None:
    message = await session.refusal(tool, **arguments)
    assert expected in message
    assert CANARY not in message
    assert not message.startswith("Error executing")
    assert len(message) < 700
    assert session.requests() == 0
    assert (await session.ask("list_trainings")).facts["total"] == 0


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        (
            "start_training",
            {"training_images_id": "never-uploaded"},
            "if the photo set has expired, call prepare_photos",
        ),
        ("start_training", {"training_images_id": "sandbox-expired"}, "has expired, upload the images again"),
        ("get_training_status", {"task_id": "unknown-id"}, "Call list_trainings"),
        ("get_training_status", {"task_id": "tr-aaaaaaa"}, "No training in this ledger has that ref."),
        (
            "get_training_status",
            {"task_id": "sandbox-person"},
            "Pass it to start_training as training_images_id",
        ),
        ("wait_for_training", {"task_id": "unknown-id"}, "Call list_trainings"),
        ("wait_for_training", {"task_id": "sandbox-person"}, "is a photo upload, not a training"),
        ("resolve_training", {"ref": "tr-aaaaaaa", "decision": "send_again"}, "No training in this ledger"),
        (
            "resolve_training",
            {"ref": "Anna", "decision": "accepted", "task_id": "unknown-id"},
            "Neither this ledger",
        ),
        (
            "resolve_training",
            {"ref": "Anna", "decision": "accepted", "task_id": "sandbox-person"},
            "photo upload",
        ),
    ],
)
async def test_an_unknown_id_is_explained(
    session: Session, tool: str, arguments: dict[str, Any], expected: str
) -> None:
    message = await session.refusal(tool, **arguments)
    assert expected in message
    assert session.paid() == 0


async def test_a_training_rejected_for_an_expired_set_says_what_to_do(session: Session) -> None:
    message = await session.refusal("start_training", training_images_id="sandbox-expired", subject="Anna")
    [row] = (await session.ask("list_trainings", status="rejected")).facts["trainings"]
    assert row["status"] == "rejected"
    assert f"was rejected (ref {row['ref']}) and nothing was paid" in message
    assert "if the photo set has expired, call prepare_photos with its photos (2 credits)" in message


def test_an_error_of_the_account_has_the_numbers_that_the_service_gives() -> None:
    counted = render_error(InsufficientCredits(required=257, available=12))
    assert counted.startswith("The account has too few credits: 257 are required, 12 are left. Ask the user")
    assert render_error(InsufficientCredits()).startswith("The account has too few credits. Ask the user")
    assert "as many trainings under way as the service allows" in render_error(TooManyTrainings())


async def test_too_few_credits_are_reported(serving: Serving) -> None:
    with fault_server("status_402") as service:
        async with serving(base_url=service.base_url, app_factory=None) as session:
            message = await session.refusal("start_training", **PHOTOS)
    assert "too few credits" in message
    assert "get_account shows how many are left" in message


async def test_an_idempotency_key_belongs_to_one_request(session: Session) -> None:
    await session.ask("start_training", **PHOTOS, idempotency_key="one")
    message = await session.refusal(
        "start_training", training_images_id="sandbox-bad-photos", idempotency_key="one"
    )
    assert "belongs to training tr-" in message
    assert session.paid() == 1


async def test_a_finished_training_needs_no_decision(session: Session) -> None:
    begun = (await session.ask("start_training", **PHOTOS)).facts
    message = await session.refusal("resolve_training", ref=begun["ref"], decision="send_again")
    assert f"Training {begun['ref']} is queued, so that decision does not apply" in message
    assert "wait_for_training" in message
    assert session.paid() == 1


KEYS = {
    "none": ("", "No Apiframe API key is set"),
    "blank": ("  ", "No Apiframe API key is set"),
    "never substituted": ("${user_config.api_key}", "placeholder that was never filled in"),
    "with a scheme": (f"Bearer {CANARY}", "bare key"),
    "quoted": (f'"{CANARY}"', "bare key"),
}


@pytest.mark.parametrize("name", KEYS)
async def test_an_unusable_key_is_explained_before_anything_is_sent(serving: Serving, name: str) -> None:
    key, expected = KEYS[name]
    async with serving(key=SecretStr(key)) as session:
        assert (await session.client.list_tools()).tools
        for tool, arguments in (
            ("start_training", PHOTOS),
            ("get_account", {}),
            ("get_training_status", {"task_id": "x"}),
        ):
            message = await session.refusal(tool, **arguments)
            assert expected in message
            assert "nothing was sent" in message
            assert "APIFRAME_API_KEY" in message
            assert CANARY not in message
        assert session.requests() == 0
        assert (await session.ask("list_trainings")).facts["total"] == 0


async def test_a_wrong_key_is_reported_and_nothing_is_paid(serving: Serving) -> None:
    async with serving(key=SecretStr("wrong-key")) as session:
        for tool, arguments in (("start_training", PHOTOS), ("get_account", {})):
            message = await session.refusal(tool, **arguments)
            assert "does not accept the API key" in message
            assert "ask the user to set APIFRAME_API_KEY to a valid key" in message
        assert session.paid() == 0


STATUS_CHECK_ERRORS = {
    "refused": "connection refused",
    "unknown_name": "host not found",
    "silent": "did not answer in time",
    "html_200": "such as a web page",
    "status_500": "had an internal error",
    "reset_after_request": "closed the connection",
    "redirect_307": "Redirects are not followed: check APIFRAME_BASE_URL",
    "status_404": "APIFRAME_BASE_URL may be wrong",
    "throttled_for_seconds": "Try again in 7 seconds",
}


@pytest.mark.parametrize("fault", STATUS_CHECK_ERRORS)
async def test_an_unreachable_service_is_reported_in_one_sentence(serving: Serving, fault: str) -> None:
    deadline = {"silent": 0.6, "throttled_for_seconds": 5.0}.get(fault, 15.0)
    with fault_server(fault) as service:
        async with serving(
            base_url=service.base_url, app_factory=None, is_sandbox=False, read_seconds=deadline
        ) as session:
            message = await session.refusal("get_account")
    assert STATUS_CHECK_ERRORS[fault] in message
    assert len(message) < 400


@pytest.mark.parametrize("url", ["nowhere", "ftp://example.org", f"https://u:{CANARY}@example.org", ""])
async def test_an_invalid_base_url_is_explained_before_anything_is_sent(serving: Serving, url: str) -> None:
    async with serving(base_url=url, app_factory=None) as session:
        message = await session.refusal("start_training", **PHOTOS)
        assert "nothing was sent" in message
        assert "ask the user to correct APIFRAME_BASE_URL" in message
        assert CANARY not in message
        assert (await session.ask("list_trainings")).facts["total"] == 0


async def test_a_data_folder_that_is_a_file_stops_before_anything_is_sent(
    serving: Serving, tmp_path: Path
) -> None:
    file = tmp_path / "data"
    file.write_text("mine")
    async with serving(ledger_path=file / "ledger.sqlite3") as session:
        for tool, arguments in (("start_training", PHOTOS), ("list_trainings", {})):
            message = await session.refusal(tool, **arguments)
            assert "is a file, not a folder" in message
            assert "APIFRAME_DATA_DIR" in message
        assert session.requests() == 0
        assert (await session.ask("get_account")).facts["credits"] == 12_000
    assert file.read_text() == "mine"


async def test_a_corrupt_ledger_is_set_aside_and_reported_before_anything_is_sent(
    serving: Serving, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"no ledger, but perhaps the only record of something" * 100)
    async with serving() as session:
        message = await session.refusal("start_training", **PHOTOS)
        assert session.paid() == 0
        assert "was renamed to" in message
        assert "check the Apiframe dashboard" in message
        assert (await session.ask("list_trainings")).facts["total"] == 0
    [aside] = _set_aside(tmp_path)
    assert aside.read_bytes().startswith(b"no ledger, but")
    assert str(aside) in message


async def test_a_ledger_of_a_newer_version_is_left_unchanged(serving: Serving, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version=999")
    newer.close()
    before = path.read_bytes()
    async with serving() as session:
        message = await session.refusal("start_training", **PHOTOS)
        assert "newer version of this program" in message
        assert "ask the user to install the newest version" in message
        assert session.requests() == 0
    assert path.read_bytes() == before


async def test_an_internal_error_is_not_shown_and_refers_to_the_list(
    session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(session.studio, "account", fail)
    message = await session.refusal("get_account")
    assert CANARY not in message
    assert "call list_trainings to see them" in message
    assert CANARY in caplog.text


def _set_aside(folder: Path) -> list[Path]:
    return list(folder.glob("ledger.sqlite3.damaged-*"))


async def test_images_that_cannot_be_paid_are_reported_as_images(serving: Serving, clock: HandClock) -> None:
    poor = Sandbox(clock=clock.now, training_seconds=1.0, start_credits=48)
    async with serving(app_factory=lambda: poor.app) as session:
        begun = (await session.ask("start_training", **PHOTOS)).facts
        clock.at += 10
        await session.ask("get_training_status", task_id=begun["ref"])
        message = await session.refusal("generate_photos", task_id=begun["task_id"], prompt="on a beach")
    assert "too few credits" in message
    assert "The image generation was rejected" in message
    assert "call generate_photos again" in message
    assert "training" not in message
    assert poor.store.count_paid() == 1
    poor.close()
