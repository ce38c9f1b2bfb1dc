"""Which starts have a front: only those that would start without a word, with the page of their settings."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server import MCPServer

from apiframe_server.composition import build_server
from apiframe_server.front import choosing
from apiframe_server.front.answering import Answers, Snapshot
from apiframe_server.front.choosing import FOLDER, choose_page, read_snapshot
from apiframe_server.front.handover import connect_front
from apiframe_server.front.wire import Front
from apiframe_server.pending_calls import PendingCalls
from apiframe_server.settings import Settings, describe_unknown_variables
from apiframe_studio.config import sandbox_config, selected_generation, service_config
from apiframe_studio.studio import Studio
from docgen.snapshot import build_studio, describe_start, make_sessions, run_session

from .program import COMMAND, environment

FACTS = describe_start()
VALUES = (
    *(
        "",
        "auto",
        "v1",
        "v2",
        "V2",
        "true",
        "1",
        "0",
        "false",
        "yes",
        "on",
        "ask",
        "always",
        "never",
        "WARNING",
    ),
    *(
        "5",
        "0.5",
        ".5",
        "5.",
        "1e3",
        "-1",
        "nan",
        "inf",
        "1_0",
        " 5 ",
        "61",
        "1000000000000",
        "٣",
        "none",
        "x",
    ),
    *(
        "afk_1234",
        " afk_1234 ",
        "0123456789abcdef",
        "~/Pictures",
        "~anna/x",
        "/srv",
        "a:b",
        "\udcff",
        "\x07",
    ),
    *("https://example.org", "http://example.org", "DEBUG", "INFO", "error"),
)


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("APIFRAME_"):
            monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_settings")
def test_every_start_with_a_front_has_valid_settings_and_their_page(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = 0
    names = [*Settings.model_fields, "nonsense"]
    for name in (*(f"APIFRAME_{name.upper()}" for name in names), "apiframe_sandbox", "Apiframe_Api_Version"):
        for value in VALUES:
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                page = choose_page(FACTS, [], os.environ)
                if page is None:
                    continue
                chosen += 1
                settings = Settings.read()
                assert describe_unknown_variables() == []
                service = "sandbox" if settings.sandbox else "service"
                assert page == (selected_generation(settings), service), (name, value)
    assert chosen > 100


@pytest.mark.usefixtures("no_settings")
def test_what_the_bundle_and_the_clients_set_has_a_front() -> None:
    usual = {
        "APIFRAME_API_KEY": "afk_0123456789",
        "APIFRAME_PHOTO_FOLDERS": "/home/anna/Pictures:/home/anna/Desktop",
        "APIFRAME_OUTPUT_FOLDER": "/home/anna/Pictures/Apiframe",
        "APIFRAME_CONFIRM_SPENDING": "always",
        "APIFRAME_MAX_CREDITS_PER_DAY": "500",
        "APIFRAME_POLL_SECONDS": "",
        "APIFRAME_SANDBOX": "false",
        "PATH": "/bin",
    }
    assert choose_page(FACTS, [], usual) == ("v2", "service")
    assert choose_page(FACTS, ["--sandbox"], {}) == ("v1", "sandbox")


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_nothing_published_depends_on_another_setting(tmp_path: Path, api: str) -> None:
    """A setting that changes what is published needs separate pages in the snapshot."""
    snapshot = read_snapshot(FOLDER, api)
    opening, requests = [*make_sessions()][-1]
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": n, **one}).encode() + b"\n" for n, one in enumerate(requests)
    ]
    expected = sorted(Answers(snapshot, "service").answer(line) or b"" for line in lines)
    for name, value in _other_values(tmp_path).items():
        settings = Settings.model_validate({"data_dir": tmp_path, name: value})
        settings = settings.model_copy(update={"api_version": api})
        assert sorted(await run_session(build_server(Studio(service_config(settings))), lines)) == expected, (
            name
        )
    sandbox = Studio(sandbox_config(settings))
    expected = sorted(Answers(snapshot, "sandbox").answer(line) or b"" for line in lines)
    assert sorted(await run_session(build_server(sandbox), lines)) == expected, opening


def _other_values(folder: Path) -> dict[str, object]:
    """Return a value for each setting that is not its default; `api_version` and `sandbox` choose the page."""
    values: dict[str, object] = {"photo_folders": str(folder), "base_url": "https://example.org"}
    for name, field in Settings.model_fields.items():
        match FACTS["settings"][name.upper()]:
            case "folder" | "text":
                values.setdefault(name, str(folder))
            case "switch":
                values[name] = not field.default
            case {"min": low}:
                values[name] = low + 0.5
            case [*texts]:
                values[name] = next((text for text in texts if text != field.default), field.default)
            case _:
                values.setdefault(name, "x")
    return {name: value for name, value in values.items() if name not in ("sandbox", "api_version")}


def test_a_snapshot_of_another_version_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "_has_pipes", lambda: True)
    monkeypatch.setattr(choosing, "FOLDER", str(tmp_path))
    assert choosing.choose_answers([], {}) is None  # There is none.
    for name in ("v1", "v2"):
        (tmp_path / f"{name}.json").write_text(Path(FOLDER, f"{name}.json").read_text(encoding="utf-8"))
    for package, old in (("mcp", "2.2.9"), ("apiframe-photo-mcp", "0.0.9")):
        facts = FACTS | {"versions": FACTS["versions"] | {package: old}}
        (tmp_path / "settings.json").write_text(json.dumps(facts))
        assert choosing.choose_answers([], {}) is None
    (tmp_path / "settings.json").write_text(json.dumps(FACTS))
    assert choosing.choose_answers([], {}) is not None
    assert choosing.choose_answers(["demo"], {}) is None


async def test_a_stale_snapshot_is_logged_and_the_session_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, requests = next(iter(make_sessions()))
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": n, **one}).encode() + b"\n" for n, one in enumerate(requests)
    ]
    lines.append(b'{"jsonrpc":"2.0","id":99,"method":"unknown"}\n')
    contents = json.loads(await anyio.Path(FOLDER, "v1.json").read_text(encoding="utf-8"))
    contents["parts"]["instructions 1"] = "Old words."
    server = build_server(build_studio("v1", tmp_path, "service"))
    for snapshot in (read_snapshot(FOLDER, "v1"), Snapshot(contents["pages"], contents["parts"])):
        assert caplog.text == ""
        answers = await _serve_with_front(server, snapshot, lines)
        assert [message["id"] for message in answers] == [*range(len(requests)), 99]
        assert answers[-1]["error"]["code"] == -32601
    assert "the snapshot is out of date" in caplog.text


async def _serve_with_front(
    server: MCPServer[Any], snapshot: Snapshot, lines: list[bytes]
) -> list[dict[str, Any]]:
    reading, writing = os.pipe()
    answers, output = os.pipe()
    os.write(writing, b"".join(lines))
    os.close(writing)
    front = Front(Answers(snapshot, "service"), reading, output)
    assert front.serve()
    low = server._lowlevel_server
    await low.run(*connect_front(front, PendingCalls()), low.create_initialization_options())
    os.close(output)
    os.close(reading)
    with os.fdopen(answers, "rb") as file:
        return [json.loads(line) for line in file]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")
def test_on_a_terminal_the_server_still_says_what_it_is(tmp_path: Path) -> None:
    terminal, stdin = pty.openpty()
    with subprocess.Popen(
        COMMAND, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path)
    ) as process:
        os.close(stdin)
        assert process.stderr is not None
        assert b"This is an MCP server" in process.stderr.readline()
        process.terminate()
    os.close(terminal)
