"""The command line and the settings, as users see them."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import anyio
import pytest

import apiframe_studio
from apiframe_server import demo as demo_command
from apiframe_server.cli_parser import parse
from apiframe_server.settings import Settings
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.ledger import Ledger, NewUpload
from apiframe_studio.photos import faces

from ..faults.fault_server import answer, fault_server, replying
from .program import WITHOUT_FRONT, environment, run, running

if TYPE_CHECKING:
    from importlib.util import find_spec
from importlib.util import find_spec
from pathlib import Path

pytestmark = pytest.mark.slow

CANARY = "canary-51c0ffee"
HEAVY = {"mcp", "httpx", "pydantic", "sqlalchemy", "rich", "anyio", "starlette", "uvicorn", "PIL"}


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help_import_nothing_heavy(tmp_path: Path, argument: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "apiframe_server", argument]
    done = subprocess.run(
        command, env=environment(tmp_path), capture_output=True, text=True, check=True, timeout=90
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "apiframe_server" in loaded
    assert not loaded & HEAVY
    assert (apiframe_studio.__version__ if argument == "--version" else "--sandbox") in done.stdout


NOT_TO_LIST = {
    "httpx",
    "sqlalchemy",
    "PIL",
    "numpy",
    "apiframe_tools.wording.error_messages",
    "apiframe_studio.ledger.store",
    "apiframe_server.notifications",
    "apiframe_server.http_server",
    *(f"apiframe_studio.photos.{name}" for name in ("cache", "checks", "choosing", "folders", "preparing")),
}
LISTING = """\
{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},\
"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/list"}
"""


def test_the_modules_that_a_list_does_not_need_exist_under_these_names() -> None:
    assert [name for name in sorted(NOT_TO_LIST) if find_spec(name) is None] == []


def test_listing_the_tools_imports_only_what_a_list_needs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "apiframe_server"],
        input=LISTING,
        env=environment(tmp_path) | WITHOUT_FRONT,
        capture_output=True,
        text=True,
        check=True,
        timeout=90,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert '"start_training"' in done.stdout
    assert "apiframe_studio.studio" in loaded
    assert not loaded & NOT_TO_LIST


def test_a_start_builds_no_unused_models(tmp_path: Path) -> None:
    start = (
        "import apiframe_server.cli as cli, sys, types\n"
        "sys.modules['apiframe_server.stdio'] = types.SimpleNamespace(serve=lambda *_: None)\n"
        "cli.main([])\n"
        "from mcp_types import CreateMessageRequest, Tool\n"
        "print(CreateMessageRequest.__pydantic_complete__, Tool(name='t', input_schema={}).name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", start],
        env=environment(tmp_path) | WITHOUT_FRONT,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.stdout.split() == ["False", "t"]


COMMANDS = ("demo", "doctor", "trainings", "wait", "check", "forget", "http", "sandbox")


@pytest.mark.parametrize("command", [(), *[(command,) for command in COMMANDS]], ids=" ".join)
def test_every_help_has_valid_examples(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([*command, "--help"])
    assert ended.value.code == 0
    _, found, examples = capsys.readouterr().out.partition("examples:\n")
    assert found
    for line in examples.splitlines():
        words = shlex.split(line.partition("   ")[0] if not command else line)
        assert words[0] == "apiframe-photo-mcp"
        if "COMMAND" not in words:
            assert (parse(words[1:]).command or "") == "".join(command) or not command


SANDBOX = "http://127.0.0.1:8788"


@pytest.mark.parametrize(
    ("arguments", "sandbox"),
    [
        (["doctor"], None),
        (["--sandbox", "doctor"], ""),
        (["doctor", "--sandbox"], ""),
        (["--sandbox-url", SANDBOX, "doctor"], SANDBOX),
        (["doctor", "--sandbox-url", SANDBOX], SANDBOX),
        (["--sandbox", "doctor", "--sandbox-url", SANDBOX], SANDBOX),
        (["--sandbox", SANDBOX, "doctor"], SANDBOX),
        (["doctor", "--sandbox", f"{SANDBOX}/"], SANDBOX),
        ([f"--sandbox={SANDBOX}"], SANDBOX),
    ],
)
def test_the_sandbox_option_is_parsed_with_and_without_a_url(
    arguments: list[str], sandbox: str | None
) -> None:
    assert parse(arguments).sandbox == sandbox


WRONG_SETTINGS = [
    ("BASE_URL", CANARY, "APIFRAME_BASE_URL must be a web address such as https://api.apiframe.pro."),
    ("BASE_URL", f"ftp://{CANARY}", "APIFRAME_BASE_URL must be a web address"),
    (
        "BASE_URL",
        f"https://u:{CANARY}@example.org",
        "APIFRAME_BASE_URL must not contain a user name or password.",
    ),
    ("BASE_URL", f"https://example.org/?k={CANARY}", "APIFRAME_BASE_URL must not have a ? or # part."),
    (
        "BASE_URL",
        f"http://{CANARY}.example",
        "APIFRAME_BASE_URL must begin with https:// to reach another machine",
    ),
    ("POLL_SECONDS", CANARY, "APIFRAME_POLL_SECONDS must be a number from 1 to 60."),
    ("POLL_SECONDS", "0", "APIFRAME_POLL_SECONDS must be a number from 1 to 60."),
    ("POLL_SECONDS", "nan", "APIFRAME_POLL_SECONDS must be a number from 1 to 60."),
    (
        "MAX_CREDITS_PER_DAY",
        CANARY,
        "APIFRAME_MAX_CREDITS_PER_DAY must be a number from 0 to 1,000,000,000.",
    ),
    (
        "MAX_CREDITS_PER_DAY",
        "-1",
        "APIFRAME_MAX_CREDITS_PER_DAY must be a number from 0 to 1,000,000,000.",
    ),
    ("READ_SECONDS", "41", "APIFRAME_READ_SECONDS must be a number from 0.1 to 40."),
    ("PAID_SECONDS", "inf", "APIFRAME_PAID_SECONDS must be a number from 0.1 to 20."),
    ("LOG_LEVEL", CANARY, "APIFRAME_LOG_LEVEL must be one of 'DEBUG', 'INFO', 'WARNING' or 'ERROR'."),
    ("SANDBOX", CANARY, "APIFRAME_SANDBOX must be true or false."),
]


@pytest.mark.parametrize(("name", "value", "advice"), WRONG_SETTINGS, ids=range(len(WRONG_SETTINGS)))
async def test_a_wrong_setting_is_reported_with_its_fix_and_without_its_value(
    tmp_path: Path, name: str, value: str, advice: str
) -> None:
    done = await run(folder=tmp_path, settings={name: value})
    assert done.process.returncode == 2
    assert done.out == ""
    assert done.err.startswith(f"apiframe-photo-mcp: {advice}")
    assert done.err.count("\n") == 1
    assert CANARY not in done.err


MISTYPED = "APIFRAME_MAX_CREDIT_PER_DAY is not a setting and has no effect. Did you mean APIFRAME_MAX_CREDITS_PER_DAY?"


async def test_a_mistyped_setting_is_reported_at_the_start_with_a_similar_one(
    tmp_path: Path,
) -> None:
    settings = {"MAX_CREDIT_PER_DAY": CANARY, "QQQ": CANARY}
    done = await run("--sandbox", folder=tmp_path, settings=settings)
    assert done.err.splitlines() == [
        f"apiframe-photo-mcp: {MISTYPED}",
        "apiframe-photo-mcp: APIFRAME_QQQ is not a setting and has no effect.",
    ]


async def test_doctor_reports_a_mistyped_setting(tmp_path: Path) -> None:
    done = await run("doctor", folder=tmp_path, settings={"SANDBOX": "1", "MAX_CREDIT_PER_DAY": CANARY})
    assert done.process.returncode == 1
    assert f"TODO settings: {MISTYPED}" in done.out
    assert CANARY not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--sandbox-url", "nowhere"], "must be an address such as http://127.0.0.1:8788"),
        (["--sandbox-url", "http://elsewhere.example"], "--sandbox-url must begin with https://"),
        (["--sandbox", "nowhere"], "invalid choice: 'nowhere'"),
        (["sandbox", "--port", "99999"], "must be a number from 0 to 65535"),
        (["sandbox", "--port", "-1"], "must be a number from 0 to 65535"),
        (
            ["demo", "--svg", "no/such/folder/demo.svg"],
            "the folder of no/such/folder/demo.svg does not exist",
        ),
        (
            ["check", ".", "--sheet", "no/such/folder/s.jpg"],
            "the folder of no/such/folder/s.jpg does not exist",
        ),
        (["wait"], "the following arguments are required: subject"),
        (["--no-such-option"], "unrecognized arguments"),
        (["no-such-command"], "invalid choice"),
    ],
)
async def test_a_wrong_argument_is_answered_with_the_valid_ones(
    tmp_path: Path, arguments: list[str], advice: str
) -> None:
    done = await run(*arguments, folder=tmp_path)
    assert (done.process.returncode, done.out) == (2, "")
    assert advice in done.err
    assert "Traceback" not in done.err


async def test_a_sandbox_on_a_used_port_says_what_to_try(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = await run("sandbox", "--port", str(taken.getsockname()[1]), folder=tmp_path)
    assert done.process.returncode == 8
    assert "Try --port 0" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(("arguments", "code"), [(["sandbox", "--port", "0"], 8), (["doctor"], 1)])
async def test_a_file_at_the_path_of_the_data_folder_is_reported_and_kept(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    file = tmp_path / "data"
    file.write_text("mine")
    done = await run(*arguments, folder=file, settings={"SANDBOX": "true"})
    assert done.process.returncode == code
    assert "APIFRAME_DATA_DIR" in done.out + done.err
    assert "Traceback" not in done.err
    assert file.read_text() == "mine"


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_the_demo_ends_with_the_trigger_word_the_folder_of_the_portraits_and_the_gallery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str
) -> None:
    for name in ("TMPDIR", "TEMP"):
        monkeypatch.setenv(name, str(tmp_path))
    settings = {"API_KEY": "afk_of-a-user"}  # The demo uses none.
    done = await run("demo", "--api", api, folder=tmp_path / "data", settings=settings, new_process=True)
    assert done.process.returncode == 0, done.err
    assert f"sandbox of {api} of the API" in done.out
    *_, word, sheet, images, gallery = done.out.splitlines()
    assert re.search(r"The trigger word is (TOK)?[A-Z0-9]+\.", word)
    assert "calls start_training(" in done.out
    assert "from-a-chat.jpg" in done.out
    assert done.err == ""
    kept = anyio.Path(tmp_path / "data" / "demo")
    assert sheet == f"Contact sheet: {kept / 'contact-sheet.jpg'}"
    assert (await (kept / "contact-sheet.jpg").read_bytes()).startswith(b"\xff\xd8\xff")
    folder = anyio.Path(images.partition("Images: ")[2])
    assert gallery == f"Gallery: {folder / 'gallery.html'}"
    page = await (folder / "gallery.html").read_text()
    assert all([path.name in page async for path in folder.glob("*.png")])
    left = [path async for path in anyio.Path(tmp_path).rglob("*") if await path.is_file()]
    assert all(path.is_relative_to(kept) for path in left)


def test_a_demo_removes_the_files_of_the_previous_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "demo" / "old.png"
    old.parent.mkdir()
    old.touch()

    async def nothing(_folder: Path, kept: Path, *_: object) -> int:
        assert [path async for path in anyio.Path(kept).iterdir()] == []
        return 0

    monkeypatch.setattr(demo_command, "_run_demo", nothing)
    monkeypatch.setattr(demo_command, "exit_on_interrupt", lambda *_: None)
    assert demo_command.demo(Settings(data_dir=tmp_path)) == 0
    assert not old.exists()


ACCOUNT = replying(
    answer("200 OK", {"email": "a@b.c", "credits": 1_234_567, "total_images": 1, "plan": "starter"})
)


def _account_an_hour_ago() -> bytes:
    then = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    return answer("200 OK", {"email": "a@b.c", "credits": 1, "total_images": 1, "plan": "starter"}, date=then)


async def test_doctor_reports_a_clock_that_differs_from_that_of_the_service(tmp_path: Path) -> None:
    with fault_server("account", faults={"account": replying(_account_an_hour_ago())}) as service:
        settings = {"API_KEY": CANARY, "BASE_URL": service.base_url}
        done = await run("doctor", folder=tmp_path, settings=settings)
    assert done.process.returncode == 1
    [clock] = [line for line in done.out.splitlines() if " clock: " in line]
    assert clock.startswith("TODO clock: this machine has ")
    assert clock.endswith(
        "If this machine's clock is wrong, correct it. Until then, times shown here may be wrong."
    )


async def test_doctor_reports_that_everything_works(tmp_path: Path) -> None:
    with fault_server("account", faults={"account": ACCOUNT}) as service:
        settings = {"API_KEY": CANARY, "BASE_URL": service.base_url}
        done = await run("doctor", folder=tmp_path, settings=settings, new_process=True)
    assert done.process.returncode == 0, done.out
    assert "TODO" not in done.out
    assert "The account has 1234567 credits on plan 'starter'" in done.out
    assert f"service: {service.base_url} responded" in done.out
    assert "has 0 trainings" in done.out
    assert f"apiframe-photo-mcp {apiframe_studio.__version__}" in done.out
    assert CANARY not in done.out + done.err


async def test_doctor_reports_a_key_that_is_sent_unencrypted(tmp_path: Path) -> None:
    settings = {"API_KEY": CANARY, "BASE_URL": "http://no-such-host.invalid", "ALLOW_HTTP": "1"}
    done = await run("doctor", folder=tmp_path, settings=settings)
    assert done.process.returncode == 1
    [service] = [line for line in done.out.splitlines() if " service: " in line]
    assert service.startswith("TODO")
    assert "anyone on the network path can read the key" in service


async def test_doctor_counts_unsettled_requests_of_every_kind(tmp_path: Path) -> None:
    with fault_server("closed_after_request", "account", faults={"account": ACCOUNT}) as service:
        settings = {"API_KEY": "v1-key-of-a-test", "BASE_URL": service.base_url}
        async with running(folder=tmp_path, settings=settings) as wire:
            await wire.greet()
            begun = await wire.call("start_training", training_images_id="photos-1")
        assert begun["structuredContent"]["status"] == "unconfirmed"
        ledger = Ledger(
            tmp_path / "ledger.sqlite3", service=f"{service.base_url} v1", owner="local", terms=V1_TERMS
        )
        upload = NewUpload(fingerprint="fingerprint")
        waiting, _ = await ledger.get_or_create(upload, time.time())
        await ledger.aclose()
        done = await run("doctor", folder=tmp_path, settings=settings)
    [line] = [line for line in done.out.splitlines() if " requests: " in line]
    assert line.startswith("TODO requests: 2 not settled: ")
    assert f"{begun['structuredContent']['ref']} (training, unconfirmed)" in line
    assert f"{waiting.ref} (photo upload, submitting)" in line
    assert "Check your Apiframe dashboard" in line


async def test_doctor_reports_ok_only_for_what_it_checked(tmp_path: Path) -> None:
    without_key = await run("doctor", folder=tmp_path)
    in_sandbox = await run("doctor", "--sandbox", folder=tmp_path)
    assert "https://api.apiframe.pro was not contacted" in without_key.out
    assert "ok   service" not in without_key.out
    assert "the real service was not contacted" in in_sandbox.out
    assert "ok   service" not in in_sandbox.out
    for line in (without_key.out + in_sandbox.out).splitlines():
        assert "the user" not in line


async def test_doctor_reports_whether_photos_are_checked_for_faces(tmp_path: Path) -> None:
    done = await run("doctor", "--sandbox", folder=tmp_path)
    expected = {
        True: "ok   faces: photos are checked for faces",
        False: "-    faces: photos are not checked for faces. In a clone run `make faces`",
    }
    assert expected[faces.is_available()] in done.out


async def test_doctor_reports_unusable_folders(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    settings = {"PHOTO_FOLDERS": str(tmp_path / "no photos"), "OUTPUT_FOLDER": str(file / "images")}
    done = await run("doctor", folder=tmp_path / "data", settings=settings)
    assert done.process.returncode == 1
    assert f"TODO photos: {tmp_path / 'no photos'} does not exist." in done.out
    assert f"TODO images: {file / 'images'} cannot be written" in done.out
    assert "APIFRAME_OUTPUT_FOLDER" in done.out


DOCTOR_SAYS = {
    "no key": ("", None, "no Apiframe API key is set"),
    "wrong key": (CANARY, "bare_401", "does not accept the API key"),
    "refused": (CANARY, "refused", "could not be reached: connection refused"),
    "a web page": (CANARY, "html_200", "APIFRAME_BASE_URL may be wrong"),
}


@pytest.mark.parametrize("name", DOCTOR_SAYS)
async def test_doctor_says_what_to_do(tmp_path: Path, name: str) -> None:
    key, fault, advice = DOCTOR_SAYS[name]
    with fault_server(fault or "status_500") as service:
        settings = {"API_KEY": key, "BASE_URL": service.base_url, "READ_SECONDS": "4"}
        done = await run("doctor", folder=tmp_path, settings=settings)
    assert done.process.returncode == 1
    assert advice in next(line for line in done.out.splitlines() if line.startswith("TODO"))
    assert CANARY not in done.out
    assert done.err == ""


@pytest.mark.parametrize("command", [["doctor"], ["wait", "task-of-another-machine"]], ids=" ".join)
async def test_without_a_key_it_is_said_where_to_get_one_and_that_there_is_a_sandbox(
    tmp_path: Path, command: list[str]
) -> None:
    done = await run(*command, folder=tmp_path, settings={"API_KEY": ""})
    advice = done.out + done.err
    assert "Create a key at console.apiframe.ai and set APIFRAME_API_KEY to it." in advice
    assert "`make demo` in a clone), or any command with --sandbox" in advice


async def test_doctor_reports_wrong_settings_and_continues(tmp_path: Path) -> None:
    settings = {"API_KEY": CANARY, "POLL_SECONDS": CANARY, "BASE_URL": f"http://{CANARY}.example"}
    done = await run("doctor", folder=tmp_path, settings=settings)
    assert (done.process.returncode, done.err) == (1, "")
    assert "TODO settings: APIFRAME_POLL_SECONDS must be a number from 1 to 60.\n" in done.out
    assert "TODO settings: APIFRAME_BASE_URL must begin with https://" in done.out
    assert "-    service: not checked: a setting above that selects it is invalid\n" in done.out
    assert " images: " in done.out
    assert "has 0 trainings" in done.out
    assert CANARY not in done.out
    in_sandbox = await run("doctor", "--sandbox", folder=tmp_path, settings=settings)
    assert "The account has 12000 credits" in in_sandbox.out
