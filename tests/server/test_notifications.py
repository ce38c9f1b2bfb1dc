"""System notifications as a user sees them: on a real session bus, and through osascript's arguments."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

import anyio
import pytest

from apiframe_server import notifications
from apiframe_server.doctor import doctor
from apiframe_server.front import choosing
from apiframe_server.front.choosing import has_trainings_to_follow
from apiframe_server.notifications import BUS_VARIABLE, ScriptNotifier, Way, choose_way, open_notifier
from apiframe_server.settings import Settings
from apiframe_studio import Studio, TrainingRequest
from apiframe_studio.config import build_sandbox, sandbox_config
from apiframe_studio.ledger.states import State
from apiframe_studio.notes import TO_REPORT, has_note, write_note
from apiframe_studio.places import default_data_folder
from apiframe_studio.training import Training
from apiframe_tools.wording.notifications import describe_end

from ..studio.stepped_clock import SteppedClock
from .program import running

ENDED = Training(State.FINISHED, subject="Ada", trigger_word="ADA-X7")


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("APIFRAME_"):
            monkeypatch.delenv(name)


async def train(settings: Settings) -> str | None:
    """Start a training in the sandbox that ends after this program has. Returns its trigger word."""
    studio = Studio(sandbox_config(settings), SteppedClock(time.time() - 600))
    started = await studio.trainings.start(TrainingRequest("sandbox-person", subject="Ada"))
    await studio.aclose()
    sandbox = build_sandbox(settings)
    sandbox.store.move_clock(3600)
    task = sandbox.store.find_task(started.task_id or "")
    assert task is not None
    word = task.to_json(sandbox.now())["trigger_word"]
    sandbox.close()
    return str(word)


@asynccontextmanager
async def session_bus(folder: Path) -> AsyncIterator[tuple[str, Any]]:
    """A session bus with a service that keeps the notifications instead of showing them: (its address, the service)."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed")
    pytest.importorskip("dbus_fast", reason="the extra notify is not installed")
    from .notification_service import serve_notifications

    command = ["dbus-daemon", "--session", "--nofork", "--print-address", f"--address=unix:path={folder}/bus"]
    async with await anyio.open_process(command, stdout=PIPE, stderr=DEVNULL) as daemon:
        assert daemon.stdout is not None
        with anyio.fail_after(60):
            address = (await daemon.stdout.receive()).decode().strip()
        async with serve_notifications(address) as service:
            yield address, service
        daemon.terminate()


async def test_a_training_that_ended_between_two_starts_is_shown_without_a_call(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, output_folder=tmp_path / "images", sandbox_seconds=1)
    async with session_bus(tmp_path) as (address, service):
        word = await train(settings)
        ledger = tmp_path / "sandbox/ledger.sqlite3"
        assert has_note(ledger, TO_REPORT)
        async with running(
            "--sandbox", folder=tmp_path, settings={"NOTIFY": "on"}, variables={BUS_VARIABLE: address}
        ) as wire:
            await wire.greet()
            assert (await wire.request("tools/list"))["tools"]
            with anyio.fail_after(60):
                await service.arrived.wait()
            status = await wire.call("get_training_status", subject="Ada")
        assert service.shown == [
            (
                "Apiframe Photos",
                "Sandbox training finished: Ada",
                f"Trigger word: {word}. Ask your assistant for portraits.",
            )
        ]
        assert word in status["content"][0]["text"]
        assert wire.err == ""
        assert not has_note(ledger, TO_REPORT)


@pytest.mark.parametrize(
    ("ended", "title", "text"),
    [
        (ENDED, "Training finished: Ada", "Trigger word: ADA-X7. Ask your assistant for portraits."),
        (Training(State.FINISHED), "Training finished", "Ask your assistant for the trigger word."),
        (
            Training(State.FAILED, subject="Ada", message="CUDA error"),
            "Training failed: Ada",
            "Ask your assistant what happened.",
        ),
        (
            Training(State.FAILED, subject="A\x07\n\u202e" + "d" * 99),
            f"Training failed: A {'d' * 57}…",
            "Ask your assistant what happened.",
        ),
    ],
)
def test_a_notification_is_two_short_lines_of_visible_text(ended: Training, title: str, text: str) -> None:
    assert describe_end(ended, sandbox=False) == (title, text)
    assert describe_end(ended, sandbox=True).title == f"Sandbox training{title.removeprefix('Training')}"


def test_notifications_are_shown_by_what_the_system_has(monkeypatch: pytest.MonkeyPatch) -> None:
    python = "/opt/homebrew/bin/python3"
    app = "/Applications/Photos.app/Contents/MacOS/python"
    monkeypatch.setitem(sys.modules, "desktop_notifier", None)
    assert choose_way("linux", python) is choose_way("darwin", app) is Way.NOT_INSTALLED
    assert choose_way("darwin", python) is Way.OSASCRIPT
    monkeypatch.setattr(notifications, "find_spec", lambda name: name)
    assert choose_way("win32", python) is choose_way("darwin", app) is Way.DESKTOP_NOTIFIER
    assert choose_way("darwin", python) is Way.OSASCRIPT


@pytest.mark.skipif(os.name != "posix", reason="a shell script is run")
async def test_osascript_gets_the_texts_as_arguments_and_not_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "osascript"
    program.write_text(
        f'#!/bin/sh\nfor one in "$@"; do echo "$one"; done >{tmp_path}/arguments\nenv >{tmp_path}/environment\n'
    )
    program.chmod(0o700)
    monkeypatch.setenv("APIFRAME_API_KEY", "afk_canary")
    name = '$(id) `id` " end run \\'
    await ScriptNotifier(sandbox=False, program=str(program)).notify(Training(State.FAILED, subject=name))
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[::2][:3] == ["-e"] * 3
    assert arguments[6:] == [f"Training failed: {name}", "Ask your assistant what happened."]
    assert "afk_canary" not in (tmp_path / "environment").read_text()
    program.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(OSError, match="ended with 3") as caught:
        await ScriptNotifier(sandbox=False, program=str(program)).notify(ENDED)
    assert "Ada" not in repr(caught.value)


@pytest.mark.skipif(sys.platform == "darwin", reason="osascript is always there")
def test_a_missing_extra_is_logged_once_and_doctor_says_how_to_install_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "desktop_notifier", None)
    assert open_notifier(sandbox=False) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    settings = Settings(
        data_dir=tmp_path, output_folder=tmp_path, photo_folders=(tmp_path,), sandbox=True, notify=True
    )
    assert doctor(settings, "", {}) == 1
    for text in (record.getMessage(), " ".join(capsys.readouterr().out.split())):
        assert "make notify" in text
        assert "apiframe-photo-mcp[notify]" in text


@pytest.mark.skipif(sys.platform != "linux", reason="there is no session bus")
def test_the_session_bus_of_systemd_is_found_where_the_client_does_not_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import socket

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv(BUS_VARIABLE, "")
    monkeypatch.setattr(notifications, "find_spec", lambda name: name)
    settings = Settings(
        data_dir=tmp_path, output_folder=tmp_path, photo_folders=(tmp_path,), sandbox=True, notify=True
    )
    assert doctor(settings, "", {}) == 1
    assert "no session bus" in " ".join(capsys.readouterr().out.split())
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(f"{tmp_path}/bus")
        assert doctor(settings, "", {}) == 0
    assert os.environ[BUS_VARIABLE] == f"unix:path={tmp_path}/bus"


@pytest.mark.usefixtures("no_settings")
def test_a_start_loads_the_sdk_at_once_only_if_notifications_are_on_and_a_training_may_be_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sandbox").mkdir()
    monkeypatch.setattr(choosing, "_has_pipes", lambda: True)
    here = {"APIFRAME_DATA_DIR": str(tmp_path)}
    on = here | {"APIFRAME_NOTIFY": "on"}
    for environment in (here, on):
        assert choosing.choose_answers([], environment) is not None
        assert not has_trainings_to_follow([], environment)
    write_note(tmp_path / "sandbox/ledger.sqlite3", TO_REPORT)
    assert has_trainings_to_follow(["--sandbox"], on)
    assert has_trainings_to_follow([], on | {"APIFRAME_SANDBOX": "true"})
    assert not has_trainings_to_follow([], on)
    assert not has_trainings_to_follow(["--sandbox"], here)
    write_note(tmp_path / "ledger.sqlite3", TO_REPORT)
    assert has_trainings_to_follow([], on | {"APIFRAME_NOTIFY": "true"})
    assert not has_trainings_to_follow([], on | {"APIFRAME_NOTIFY": "off"})
    assert str(Settings.model_fields["data_dir"].default) == default_data_folder()
