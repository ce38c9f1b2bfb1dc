"""`apiframe-photo-mcp forget`, as users run it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import anyio.to_thread
import pytest

from apiframe_studio.api.v2.terms import V2_TERMS
from apiframe_studio.inbox import Inbox
from apiframe_studio.kept_photos import KeptPhotos
from apiframe_studio.ledger import Answer, NewTraining, Scope
from apiframe_studio.ledger.states import Event

from ..faults.fault_server import ACCEPTED, answer, fault_server, replying
from ..studio.stepped_clock import EPOCH
from ..v1_store import Store
from .program import COMMAND, environment, fields_of, run, running

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "golden/ledger-0.1.0.sqlite3"
FINISHED = replying(
    answer("200 OK", {**ACCEPTED, "status": "finished", "percentage": 100, "trigger_word": "TOKCNRY"})
)
PROMPT = "canary-prompt by the sea"


def _holding(folder: Path, *words: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        f"{word} in {path}"
        for path in files
        for word in words
        if word.lower() in path.name.lower() or word.lower().encode() in path.read_bytes().lower()
    ]


async def test_a_subject_is_forgotten_and_the_data_at_the_service_is_listed(tmp_path: Path) -> None:
    faults = {"finished": FINISHED}
    with fault_server("accepted", "finished", faults=faults) as service:
        settings = {"API_KEY": "v1-key-of-a-test", "BASE_URL": service.base_url}
        async with running(folder=tmp_path, settings=settings) as wire:
            await wire.greet()
            await wire.call("start_training", training_images_id="photos-1", subject="Canarianna")
            await wire.call("get_training_status", task_id=ACCEPTED["task_id"])
        assert _holding(tmp_path, "Canarianna", "TOKCNRY")
        unasked = await run("forget", "canarianna", folder=tmp_path, settings=settings)
        assert _holding(tmp_path, "Canarianna", "TOKCNRY")
        done = await run("forget", "canarianna", "--yes", folder=tmp_path, settings=settings)
        again = await run("forget", "canarianna", "--yes", folder=tmp_path, settings=settings)
    assert unasked.process.returncode == 2
    assert "name, texts and fingerprints of 1 training" in unasked.out
    assert unasked.err == (
        "Nothing was removed: stdin is not a terminal, so there was no confirmation. Pass --yes to remove it.\n"
    )
    assert done.process.returncode == 0, done.err
    assert "Removed the name, texts and fingerprints from 1 record" in done.out
    assert "The ledger keeps the amounts and dates of payments, without a name." in done.out
    assert "ask its support to remove" in done.out
    assert f"  {ACCEPTED['task_id']}" in done.out.splitlines()
    assert _holding(tmp_path, "Canarianna", "TOKCNRY", "photos-1") == []
    assert again.process.returncode == 3
    assert "No subject with that name on this machine" in again.out
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as ledger:
        [row] = ledger.execute("SELECT kind, state, subject FROM submissions").fetchall()
    assert row == ("training", "finished", None)


async def test_photos_from_a_card_go_with_any_name_also_before_there_is_a_ledger(tmp_path: Path) -> None:
    await Inbox.beside(tmp_path / "ledger.sqlite3").keep("0123abcd", 1, b"a photo")
    unasked = await run("forget", "Anna", folder=tmp_path)
    assert "No subject on this machine is called Anna." in unasked.out
    assert "since nothing says whom they show: 1" in unasked.out
    assert os.listdir(tmp_path) == ["inbox"]
    done = await run("forget", "Anna", "--yes", folder=tmp_path)
    assert "Removed photos that were given to a card in the chat: 1." in done.out
    assert done.process.returncode == 0
    again = await run("forget", "Anna", "--yes", folder=tmp_path)
    assert again.process.returncode == 3
    assert "No subject with that name on this machine" in again.out


async def test_photos_that_wait_are_counted_by_doctor_shown_and_removed(tmp_path: Path) -> None:
    async with running(folder=tmp_path, settings={"API_KEY": ""}) as wire:
        await wire.greet()
        await wire.call("list_trainings")
    kept = KeptPhotos.beside(tmp_path / "ledger.sqlite3")
    kept.keep("ps-1234567", [b"1"], expires_at=1e11, gender="female", ethnicity="Mixed", subject="Canarianna")
    found = await run("doctor", folder=tmp_path, settings={"API_KEY": ""})
    assert f"kept photos: 1 prepared set of photos in {kept.folder}, until trained or expired" in found.out
    done = await run("forget", "canarianna", "--yes", folder=tmp_path, settings={"API_KEY": ""})
    assert "Prepared photos that wait on this machine, to be removed: 1 set (ps-1234567)" in done.out
    assert "Removed the photos of 1 prepared set." in done.out
    assert done.process.returncode == 0, done.err
    assert _holding(tmp_path, "Canarianna") == []
    assert "kept photos" not in (await run("doctor", folder=tmp_path, settings={"API_KEY": ""})).out


async def test_a_model_that_cannot_be_reached_is_left_to_be_deleted_and_counted_by_doctor(
    tmp_path: Path,
) -> None:
    settings = {"API_KEY": "afk_key_of_a_test_0123456789", "BASE_URL": "http://127.0.0.1:9"}
    store = Store(tmp_path / "ledger.sqlite3", Scope("local", "http://127.0.0.1:9 v2"), terms=V2_TERMS)
    row, _ = store.get_or_create(NewTraining("photos-1", subject="Canarianna"), EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="lora-1"), EPOCH)
    store.close()
    done = await run("forget", "canarianna", "--yes", folder=tmp_path, settings=settings)
    assert done.process.returncode == 0, done.err
    assert "  1 trained model at Apiframe, to be deleted there; they cannot be restored" in done.out
    assert "Not deleted at Apiframe yet: 1 training. This is tried again at each start" in done.out
    assert "  lora-1" in done.out.splitlines()
    assert "Apiframe keeps a record of each training" in done.out
    assert _holding(tmp_path, "Canarianna") == []
    found = await run("doctor", folder=tmp_path, settings=settings)
    assert "1 training of forgotten subjects to be deleted at Apiframe (lora-1)" in found.out


async def test_a_folder_with_a_forgotten_name_is_shown_and_removed(tmp_path: Path) -> None:
    settings = {"API_KEY": "v1-key-of-a-test"}
    async with running(folder=tmp_path, settings=settings) as wire:
        await wire.greet()
        await wire.call("list_trainings")
    (tmp_path / "images" / "Canarianna").mkdir(parents=True)
    shown = await run("forget", "canarianna", folder=tmp_path, settings=settings)
    done = await run("forget", "canarianna", "--yes", folder=tmp_path, settings=settings)
    again = await run("forget", "canarianna", "--yes", folder=tmp_path, settings=settings)
    assert (
        f"Left over from an interrupted run, to be removed: {tmp_path / 'images' / 'Canarianna'}" in shown.out
    )
    assert shown.process.returncode == 2
    assert "Removed 1 path left over from an interrupted run." in done.out, done.err
    assert "0 records" not in done.out
    assert _holding(tmp_path, "Canarianna") == []
    assert not (tmp_path / "images" / "Canarianna").exists()
    assert (again.process.returncode, "No subject with that name" in again.out) == (3, True)


async def test_in_the_sandbox_its_tasks_and_images_are_removed_too(tmp_path: Path) -> None:
    data, output = tmp_path / "data", tmp_path / "portraits"
    settings = {"SANDBOX_SECONDS": "1", "OUTPUT_FOLDER": str(output)}
    async with running("--sandbox", folder=data, settings=settings) as wire:
        await wire.greet()
        begun = await wire.call("start_training", training_images_id="sandbox-person", subject="Canarianna")
        task_id = begun["structuredContent"]["task_id"]
        trained = (await wire.call("wait_for_training", task_id=task_id))["structuredContent"]
        made = await wire.call("generate_photos", subject="Canarianna", prompt=PROMPT)
        assert fields_of(made)["status"] == "finished"
    words = ("Canarianna", "canary-prompt", trained["trigger_word"])
    assert _holding(data / "sandbox", *words)
    assert _holding(output, *words)
    elsewhere = await run("forget", "Canarianna", "--yes", folder=data, settings=settings)
    assert elsewhere.process.returncode == 3
    assert "The sandbox was not searched; --sandbox does that." in elsewhere.out
    assert _holding(output, *words)
    done = await run("forget", "Canarianna", "--sandbox", "--yes", folder=data, settings=settings)
    assert done.process.returncode == 0, done.err
    assert f"1 image in {output / '@sandbox' / 'Canarianna'}" in done.out
    assert "Apiframe has no API call" not in done.out
    assert _holding(tmp_path, *words) == []
    assert not (output / "@sandbox" / "Canarianna").exists()


ANSWERS = [
    ("n", 1, "Nothing was removed."),
    ("y", 0, "Removed the name, texts and fingerprints from 1 record"),
]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
@pytest.mark.parametrize(("answer", "code", "expected"), ANSWERS)
async def test_in_a_terminal_it_shows_what_would_be_removed_and_asks(
    tmp_path: Path, answer: str, code: int, expected: str
) -> None:
    async with running("--sandbox", folder=tmp_path) as wire:
        await wire.greet()
        await wire.call("start_training", training_images_id="sandbox-person", subject="Canarianna")
    command = [*COMMAND, "forget", "canarianna", "--sandbox"]
    shown, ended = await anyio.to_thread.run_sync(_in_a_terminal, command, environment(tmp_path), answer)
    before, asked, after = shown.partition("Remove it? This cannot be undone. [y/N] ")
    assert "name, texts and fingerprints of 1 training" in before
    assert "Still unsettled: 1." in before
    assert asked
    assert expected in after
    assert ended == code
    assert bool(_holding(tmp_path, "Canarianna")) is (answer == "n")


def _in_a_terminal(command: list[str], env: dict[str, str], answer: str) -> tuple[str, int]:
    """Run a command in a pseudo terminal, type an answer when it asks, and return the output and the exit code."""
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        shown = ""
        with os.fdopen(ours, "r+b", buffering=0) as terminal, suppress(OSError):  # EIO is the end on Linux.
            while piece := terminal.read(1024):
                shown += piece.decode()
                if shown.endswith("[y/N] "):
                    terminal.write(answer.encode() + b"\n")
        return shown.replace("\r\n", "\n"), process.wait(60)


async def test_an_unknown_subject_or_an_unreadable_ledger_is_reported_in_one_line(tmp_path: Path) -> None:
    unknown = await run("forget", "Unknown", folder=tmp_path / "none")
    assert (unknown.process.returncode, unknown.err) == (3, "")
    assert not (tmp_path / "none").exists()
    (tmp_path / "ledger.sqlite3").mkdir()
    broken = await run("forget", "Anna", folder=tmp_path)
    assert broken.process.returncode == 8
    assert broken.err.startswith("apiframe-photo-mcp: ")
    assert "Traceback" not in broken.err


async def test_a_name_is_forgotten_in_every_form_and_at_every_service(
    tmp_path: Path,
) -> None:
    """The ledger of 0.1.0 has Zoë in decomposed form, and an Anna at another service."""
    shutil.copyfile(GOLDEN, tmp_path / "ledger.sqlite3")
    settings = {"API_KEY": "v1-key-of-a-test", "BASE_URL": "https://third.invalid"}
    for name, records in (("zoë ÅNGSTRÖM", 27), ("ANNA", 5)):
        done = await run("forget", name, "--yes", folder=tmp_path, settings=settings)
        assert done.process.returncode == 0, done.err
        assert f"from {records} records" in done.out
    assert "895fb492-3b15-40ff-ba83-2a50ac855daa" in done.out
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as ledger:
        names = ledger.execute("SELECT subject, owner FROM submissions WHERE subject IS NOT NULL").fetchall()
    kept = sorted((subject, owner == "local") for subject, owner in names)
    assert kept == [("Carla", True), ("José", True), ("anna", False)]
