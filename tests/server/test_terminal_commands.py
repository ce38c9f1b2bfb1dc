"""The terminal commands `trainings`, `wait` and `check`, and the sandbox option."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import anyio
import pytest

from apiframe_server.check_command import check
from apiframe_server.settings import Settings
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.api.v2.terms import V2_TERMS
from apiframe_studio.ledger import Ledger, NewTraining, NewUpload
from apiframe_studio.ledger.records import ProviderFacts
from apiframe_studio.photos import faces
from apiframe_studio.sandbox import SANDBOX_URL

from ..faults.fault_server import ACCEPTED, answer, fault_server, replying
from .program import run, running

if TYPE_CHECKING:
    from pathlib import Path

    from apiframe_studio.api.provider import Terms

pytestmark = pytest.mark.slow

QUICK = {"SANDBOX_SECONDS": "1"}
SERVICE_KEY = "v1-key-of-a-test"
FINISHED = {**ACCEPTED, "status": "finished", "percentage": 100}
WAYS = [("--sandbox", "trainings"), ("trainings", "--sandbox"), ("trainings", "--json", "--sandbox")]


async def _train(folder: Path, *sets: str, subject: str) -> list[str]:
    """Start trainings in the sandbox and return their ids."""
    async with running("--sandbox", folder=folder, settings=QUICK) as wire:
        await wire.greet()
        begun = [await wire.call("start_training", training_images_id=name, subject=subject) for name in sets]
        return [one["structuredContent"]["task_id"] for one in begun]


async def test_wait_follows_the_newest_training_of_a_subject_to_its_trigger_word(tmp_path: Path) -> None:
    await _train(tmp_path, "sandbox-bad-photos", "sandbox-person", subject="Anna [Lee]")
    waited = await run("--sandbox", "wait", "anna [lee]", folder=tmp_path, settings=QUICK)
    assert waited.process.returncode == 0
    assert waited.err == "anna [lee] has 2 trainings; this is the newest.\n"
    assert waited.out.startswith("The training of Anna [Lee] is finished. Trigger word: TOK")
    word = waited.out.partition("Trigger word: ")[2].partition(".")[0]
    listed = await run("trainings", "--sandbox", folder=tmp_path, settings=QUICK)
    newest, older = [line for line in listed.out.splitlines() if "Anna [Lee]" in line]
    assert word in newest.split()
    assert "failed" in older.split()


async def test_wait_for_a_training_that_fails_ends_with_1_and_the_reason(tmp_path: Path) -> None:
    [task_id] = await _train(tmp_path, "sandbox-bad-photos", subject="Anna")
    waited = await run("wait", task_id, "--sandbox", "--json", folder=tmp_path, settings=QUICK)
    assert waited.process.returncode == 1
    printed = json.loads(waited.out)
    assert (printed["status"], printed["task_id"], printed["subject"]) == ("failed", task_id, "Anna")


async def _wait_for_one_at(*answers: bytes, folder: Path, forget: bool = False) -> str:
    """Start a training of Anna, let the service give these responses, and return what `wait` prints."""
    faults = {str(number): replying(message) for number, message in enumerate(answers)}
    with fault_server("accepted", *faults, faults=faults) as service:
        settings = {"API_KEY": SERVICE_KEY, "BASE_URL": service.base_url}
        async with running(folder=folder, settings=settings) as wire:
            await wire.greet()
            await wire.call("start_training", training_images_id="photos-1", subject="Anna")
        if forget:
            await run("forget", "Anna", "--yes", folder=folder, settings=settings)
        waited = await run("wait", ACCEPTED["task_id"], folder=folder, settings=settings)
    assert waited.process.returncode == (0 if "is finished" in waited.out else 7)
    return waited.out


async def test_wait_for_an_unknown_id_says_what_to_compare(tmp_path: Path) -> None:
    unknown = answer("400 Bad Request", {"errors": [{"msg": "Task not found"}]})
    assert await _wait_for_one_at(unknown, folder=tmp_path) == (
        "The training of Anna is queued, but the service does not know its id. Compare the id with your Apiframe "
        "dashboard, then tell your assistant.\n"
    )


async def _begin_sending(folder: Path, terms: Terms, at: float) -> None:
    """Leave a training in the sandbox's ledger that a process began to send at that time."""
    path, service = folder / "sandbox" / "ledger.sqlite3", f"{SANDBOX_URL} {terms.generation}"
    ledger = Ledger(path, service=service, owner="local", terms=terms)
    new = NewTraining(parent_task_id="photos-1", subject="Anna")
    waiting, _ = await ledger.get_or_create(new, at)
    await ledger.begin_sending(waiting.ref, at, lease_seconds=60, facts=ProviderFacts(body_sent_at=at))
    await ledger.aclose()


async def test_wait_for_a_training_being_sent_says_when_to_try_again(tmp_path: Path) -> None:
    await _begin_sending(tmp_path, V1_TERMS, time.time())
    waited = await run("wait", "Anna", "--sandbox", folder=tmp_path)
    assert waited.process.returncode == 7
    assert waited.out == "The training of Anna is being sent. Run wait again in a minute.\n"


async def test_a_lost_training_is_looked_for_where_the_service_lists_its_trainings(tmp_path: Path) -> None:
    await _begin_sending(tmp_path, V2_TERMS, time.time() - 300)
    waited = await run("wait", "Anna", "--sandbox", folder=tmp_path, settings={"API_VERSION": "v2"})
    checked = await run("doctor", "--sandbox", folder=tmp_path, settings={"API_VERSION": "v2"})
    assert waited.process.returncode == 7
    assert "is unconfirmed. Run wait again in a minute: it is looked for at Apiframe" in waited.out
    [line] = [line for line in checked.out.splitlines() if " requests: " in line]
    assert "Ask your assistant for its status: a training is then looked for at Apiframe" in line
    assert "dashboard" not in waited.out + line


async def test_wait_says_when_the_trigger_word_cannot_be_used_in_a_prompt(tmp_path: Path) -> None:
    odd = answer("200 OK", {**FINISHED, "trigger_word": "TOK\u202eANNA and more"})
    assert await _wait_for_one_at(odd, folder=tmp_path) == (
        "The training of Anna is finished, but its trigger word contains characters that cannot be used in a prompt. "
        "Look it up in your Apiframe dashboard.\n"
    )


async def test_wait_for_a_training_whose_subject_was_forgotten_promises_no_word(tmp_path: Path) -> None:
    finished = answer("200 OK", {**FINISHED, "trigger_word": "TOKANNA"})
    assert await _wait_for_one_at(finished, folder=tmp_path, forget=True) == (
        "The training is finished; its subject was forgotten, so the trigger word was not kept.\n"
    )


async def test_wait_for_an_unknown_subject_says_where_the_names_are(tmp_path: Path) -> None:
    waited = await run("wait", "Unknown", "--sandbox", folder=tmp_path)
    assert (waited.process.returncode, waited.out) == (3, "")
    assert waited.err.endswith("`apiframe-photo-mcp trainings --sandbox` lists your trainings.\n")


async def test_wait_reports_a_finished_training_without_a_key(tmp_path: Path) -> None:
    await _wait_for_one_at(answer("200 OK", {**FINISHED, "trigger_word": "TOKANNA"}), folder=tmp_path)
    [(_, service)] = _trainings_by_service(tmp_path)
    settings = {"BASE_URL": service.removesuffix(" v1")}
    waited = await run("wait", "Anna", folder=tmp_path, settings=settings)
    assert waited.process.returncode == 0, waited.err
    assert "Trigger word: TOKANNA." in waited.out


async def test_wait_does_not_wait_for_a_status_that_needs_a_key(tmp_path: Path) -> None:
    await _wait_for_one_at(
        answer("400 Bad Request", {"errors": [{"msg": "Task not found"}]}), folder=tmp_path
    )
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as ledger, ledger:
        ledger.execute("UPDATE submissions SET missing_since = NULL, checked_at = created_at")
    [(_, service)] = _trainings_by_service(tmp_path)
    settings = {"BASE_URL": service.removesuffix(" v1")}
    waited = await run("wait", "Anna", folder=tmp_path, settings=settings)
    assert waited.process.returncode == 5
    assert waited.err.startswith("apiframe-photo-mcp: no Apiframe API key is set.")


async def test_wait_without_a_key_reports_an_unknown_name(tmp_path: Path) -> None:
    waited = await run("wait", "Anna", folder=tmp_path)
    assert waited.process.returncode == 3
    assert (
        "no training here has that name or id, and the service cannot be asked: no Apiframe API key"
        in waited.err
    )
    assert "`apiframe-photo-mcp trainings` lists your trainings." in waited.err


def _trainings_by_service(folder: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "ledger.sqlite3")) as ledger:
        return ledger.execute("SELECT ref, service FROM submissions").fetchall()


ERRORS: list[tuple[list[str], dict[str, str], int, str, str]] = [
    (["wait", "Anna", "--sandbox"], {}, 3, "not_found", "trainings --sandbox` lists"),
    (
        ["wait", "Anna"],
        {"API_KEY": "wrong", "BASE_URL": "http://127.0.0.1:9"},
        4,
        "unreachable",
        "connection",
    ),
    (["wait"], {}, 2, "usage", "See `apiframe-photo-mcp wait --help`."),
    (["trainings"], {"POLL_SECONDS": "x"}, 2, "usage", ""),
    (["check", "no/such/folder"], {}, 3, "not_found", "Name a folder with photos"),
    (["check", ".", "--sheet", "no/such/folder/s.jpg"], {}, 2, "usage", "Create it first."),
]


@pytest.mark.parametrize(
    ("command", "settings", "code", "kind", "then"), ERRORS, ids=[str(row[0]) for row in ERRORS]
)
async def test_with_json_an_error_is_json_on_stdout_with_the_exit_code_of_its_kind(
    tmp_path: Path, command: list[str], settings: dict[str, str], code: int, kind: str, then: str
) -> None:
    done = await run(*command, "--json", folder=tmp_path, settings=settings)
    assert (done.process.returncode, done.err) == (code, "")
    error = json.loads(done.out)["error"]
    assert (error["kind"], error["exit_code"]) == (kind, code)
    assert error["message"]
    assert then in error["next"]
    plainly = await run(*command, folder=tmp_path, settings=settings)
    assert (plainly.process.returncode, plainly.out) == (code, "")
    assert "apiframe-photo-mcp" in plainly.err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no Ctrl-C to send")
async def test_ctrl_c_stops_a_wait_and_not_the_training(tmp_path: Path) -> None:
    settings = {"SANDBOX_SECONDS": "60"}
    async with running("--sandbox", folder=tmp_path, settings=settings) as wire:
        await wire.greet()
        await wire.call("start_training", training_images_id="sandbox-person", subject="Anna")
        await wire.call("start_training", training_images_id="sandbox-bad-photos", subject="Anna")
    async with running("wait", "Anna", "--sandbox", folder=tmp_path, settings=settings) as wire:
        await wire.err_until("this is the newest")
        wire.process.send_signal(signal.SIGINT)
        assert await wire.ended() == 130
    assert wire.err.endswith("Stopped waiting; the training continues.\n")
    assert "Traceback" not in wire.err


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
async def test_the_sandbox_option_is_accepted_before_and_after_a_command(
    tmp_path: Path, way: tuple[str, ...]
) -> None:
    listed = await run(*way, folder=tmp_path)
    assert listed.process.returncode == 0
    assert (tmp_path / "sandbox" / "ledger.sqlite3").exists()
    assert not (tmp_path / "ledger.sqlite3").exists()
    if "--json" in way:
        printed = json.loads(listed.out)
        assert (printed["trainings"], printed["total"], printed["sandbox"]) == ([], 0, True)
    else:
        assert listed.out == "No trainings yet.\n"


async def test_trainings_without_the_sandbox_are_those_of_the_service(tmp_path: Path) -> None:
    await _train(tmp_path, "sandbox-person", subject="Anna")
    listed = await run("trainings", folder=tmp_path)
    assert (listed.process.returncode, listed.out, listed.err) == (0, "No trainings yet.\n", "")


async def test_trainings_shows_unsettled_requests_of_every_kind(tmp_path: Path) -> None:
    ledger = Ledger(
        tmp_path / "sandbox" / "ledger.sqlite3", service=f"{SANDBOX_URL} v1", owner="local", terms=V1_TERMS
    )
    upload = NewUpload(fingerprint="fingerprint", subject="Anna [Lee]")
    waiting, _ = await ledger.get_or_create(upload, time.time())
    await ledger.aclose()
    listed = await run("trainings", "--sandbox", folder=tmp_path)
    assert listed.process.returncode == 0
    assert listed.out.startswith("No trainings yet.\n\nNot settled:\n")
    assert "Anna [Lee]  photo upload  submitting" in listed.out
    assert waiting.ref in listed.out
    printed = json.loads((await run("trainings", "--sandbox", "--json", folder=tmp_path)).out)
    assert [row["ref"] for row in printed["unsettled"]] == [waiting.ref]


async def test_check_accepts_a_folder_outside_the_setting(tmp_path: Path, drawn: Path) -> None:
    sheet = tmp_path / "sheet.jpg"
    settings = {"PHOTO_FOLDERS": str(tmp_path)}
    checked = await run(
        "check", str(drawn), "--sheet", str(sheet), folder=tmp_path / "data", settings=settings
    )
    assert checked.process.returncode == 0, checked.err
    assert "IMG_0001.jpg" in checked.out
    assert ": enough." in checked.out
    assert sheet.read_bytes().startswith(b"\xff\xd8\xff")
    assert not (tmp_path / "data").exists()
    printed = await run(
        "check", str(drawn / "IMG_0001.jpg"), "--json", folder=tmp_path / "data", settings=settings
    )
    assert printed.process.returncode == 1
    [photo] = json.loads(printed.out)["photos"]
    assert photo["name"] == "IMG_0001.jpg"


async def test_check_lists_the_subfolders_that_it_did_not_check(tmp_path: Path, drawn: Path) -> None:
    inner = tmp_path / "photos" / "of [Anna]"
    inner.mkdir(parents=True)
    shutil.copy(drawn / "IMG_0001.jpg", inner)
    checked = await run("check", str(inner.parent), folder=tmp_path / "data")
    assert checked.process.returncode == 1
    assert f"Photos are in these subfolders, which were not checked: {inner} (1)." in checked.out
    assert checked.out.startswith("Faces were not checked.") is not faces.is_available()


def test_check_says_first_that_faces_were_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(faces, "is_available", lambda: False)
    assert check(Settings(data_dir=tmp_path / "data"), paths=[str(tmp_path)], sheet=None, as_json=False) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("Faces were not checked.\n")
    assert "faces (`apiframe-photo-mcp doctor` shows how to add this check)" in printed


async def test_check_of_a_missing_folder_prints_one_line(tmp_path: Path) -> None:
    checked = await run("check", str(tmp_path / "nowhere"), folder=tmp_path)
    assert (checked.process.returncode, checked.out) == (3, "")
    assert checked.err == (
        f"apiframe-photo-mcp: {tmp_path / 'nowhere'}: there is nothing at that path. "
        "Name a folder with photos, or single photos.\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no Ctrl-C to send")
async def test_ctrl_c_ends_the_demo_at_once_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    async with running("demo", folder=tmp_path / "data") as wire:
        await wire.out_until("calls check_photos")
        wire.process.send_signal(signal.SIGINT)
        assert await wire.ended() == 130
    assert "calls start_training" not in wire.out
    assert wire.err.endswith("Stopped.\n")
    assert "Traceback" not in wire.err
    assert [path.name async for path in anyio.Path(tmp_path).glob("apiframe-demo-*")] == []


@pytest.mark.parametrize("command", [["trainings", "--sandbox", "--json"], ["doctor", "--sandbox"]])
def test_a_reader_that_closes_early_causes_no_traceback(tmp_path: Path, command: list[str]) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "apiframe_server", *command],
        env={**os.environ, "APIFRAME_DATA_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    program.stdout.close()
    _, message = program.communicate(timeout=90)
    assert (program.returncode, message) == (1, "")
