"""The library as programs use it: its names, how a studio is opened and closed, and the examples."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

import apiframe_studio
from apiframe_studio import (
    ImageRequest,
    PhotoSetRequest,
    SettingsError,
    State,
    Studio,
    TrainingRequest,
)

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize("name", apiframe_studio.__all__)
def test_every_exported_name_exists(name: str) -> None:
    assert getattr(apiframe_studio, name) is not None


def test_the_exported_names_match_the_imports() -> None:
    tree = ast.parse(inspect.getsource(apiframe_studio))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    for_checkers = [
        alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    assert sorted([*for_checkers, "__version__"]) == sorted(apiframe_studio.__all__)
    assert sorted(apiframe_studio.__all__) == sorted(set(apiframe_studio.__all__))
    assert set(apiframe_studio.__all__) <= set(dir(apiframe_studio))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Atelier'"):
        _ = apiframe_studio.Atelier


def test_importing_the_library_imports_none_of_its_modules() -> None:
    asked = "import sys, apiframe_studio; print([name for name in sys.modules if name.startswith('apiframe_studio.')])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
async def test_a_sandbox_studio_goes_from_photos_to_images(photos: Path, tmp_path: Path) -> None:
    with anyio.fail_after(60):
        async with Studio.sandbox(tmp_path, training_seconds=0.2) as studio:
            photo_set = await studio.photo_sets.prepare(build_photos_request(photos))
            begun = await studio.trainings.start(TrainingRequest(photo_set.row.task_id or ""))
            training = await studio.trainings.wait(begun.task_id or "")
            images = await studio.images.generate(ImageRequest("in a garden", subject="Anna"))
    assert (training.state, bool(training.trigger_word)) == (State.FINISHED, True)
    assert [Path(saved.path).is_relative_to(tmp_path / "images") for saved in images.saved] == [True]
    assert (tmp_path / "ledger.sqlite3").exists()


async def test_a_sandbox_studio_without_a_folder_leaves_nothing_behind() -> None:
    async with Studio.sandbox() as studio:
        assert (await studio.account()).credits
        await studio.trainings.list()
        folder = studio.ledger.path.parent
        assert folder.exists()
    assert not folder.exists()


async def test_an_error_in_the_program_passes_through_the_studio_unchanged() -> None:
    with pytest.raises(ZeroDivisionError):
        async with Studio.sandbox():
            _ = 1 / 0


async def test_leaving_a_studio_waits_for_a_paid_request_under_way(tmp_path: Path) -> None:
    async with anyio.create_task_group() as group:
        with anyio.fail_after(60):
            async with Studio.sandbox(tmp_path) as studio:
                group.start_soon(studio.trainings.start, TrainingRequest("sandbox-person"))
                while not studio.submitter._in_flight:
                    await anyio.lowlevel.checkpoint()
        async with Studio.sandbox(tmp_path) as again:
            (training,) = (await again.trainings.list()).trainings
    assert training.state in (State.QUEUED, State.PROCESSING)
    assert training.task_id


async def test_the_environment_describes_a_studio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("APIFRAME_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("APIFRAME_SANDBOX", "true")
    async with Studio.from_environment() as studio:
        assert studio.is_sandbox
        assert (await studio.account()).credits
    assert (tmp_path / "sandbox/ledger.sqlite3").parent.exists()


def test_without_the_switch_the_environment_describes_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("APIFRAME_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("APIFRAME_API_KEY", "planted-key")
    monkeypatch.setenv("APIFRAME_MAX_CREDITS_PER_DAY", "60")
    plan = Studio.from_environment().config
    assert (plan.is_sandbox, plan.max_credits_per_day, plan.ledger_path) == (
        False,
        60,
        tmp_path / "ledger.sqlite3",
    )
    assert "planted-key" not in repr(plan)


def test_an_invalid_setting_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APIFRAME_PAID_SECONDS", "soon")
    with pytest.raises(SettingsError, match=r"APIFRAME_PAID_SECONDS must be a number from 0\.1 to 20"):
        Studio.from_environment()


def test_a_mistyped_setting_is_logged_and_a_setting_of_the_server_is_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("APIFRAME_MAX_CREDIT_PER_DAY", "60")
    monkeypatch.setenv("APIFRAME_LOG_LEVEL", "INFO")
    Studio.from_environment()
    (record,) = caplog.records
    assert record.getMessage() == (
        "APIFRAME_MAX_CREDIT_PER_DAY is not a setting and has no effect; APIFRAME_MAX_CREDITS_PER_DAY is"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sandbox.py", "mcp_client.py"])
def test_an_example_prints_the_trigger_word(name: str) -> None:
    assert "TOK" in run_example(name).stdout


@pytest.mark.slow
def test_the_example_with_a_folder_trains_it_once(photos: Path, tmp_path: Path) -> None:
    given = [str(photos), "--subject", "Anna", "--gender", "female", "--ethnicity", "white", "--consent"]
    settings = {
        "APIFRAME_SANDBOX": "true",
        "APIFRAME_SANDBOX_SECONDS": "1",
        "APIFRAME_DATA_DIR": str(tmp_path),
        "APIFRAME_PHOTO_FOLDERS": str(photos),
    }
    first, again = (run_example("train.py", *given, **settings).stdout.splitlines() for _ in range(2))
    assert first[-1] == again[-1]
    assert first[-1].startswith("the trigger word is TOK")


def test_every_example_is_run_by_a_test() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {"sandbox.py", "mcp_client.py", "train.py"}


def build_photos_request(photos: Path) -> PhotoSetRequest:
    return PhotoSetRequest([str(photos)], gender="female", ethnicity="white", subject="Anna", consent_at=1.0)


def run_example(name: str, *arguments: str, **settings: str) -> Any:
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done
