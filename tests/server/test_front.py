"""The front as a process: what is quick, and that a client does not notice the hand-over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import anyio
import pytest

from apiframe_studio.notes import TO_REPORT

from .front_sessions import make_session
from .program import HELLO, WITHOUT_FRONT, Wire, environment, run, running

SLOW_MODULES = {
    "mcp",
    "mcp_types",
    "pydantic",
    "anyio",
    "asyncio",
    "typing",
    "threading",
    "logging",
    "signal",
}
START = [sys.executable, "-c", "import sys; from apiframe_server.cli import main; sys.exit(main())"]
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw lines", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="there is no front on this system")


def _line(number: int, method: str, **params: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n"


LEGACY = _line(0, "initialize", **HELLO) + "".join(map(_line, range(1, 6), (*LISTS, "ping")))
MODERN = "".join(
    _line(number, method, _meta=ENVELOPE) for number, method in enumerate(("server/discover", *LISTS))
)


@pytest.mark.no_coverage("coverage imports what the test looks for")
@pytest.mark.parametrize("lines", [LEGACY, MODERN], ids=["legacy", "modern"])
def test_lists_are_answered_before_anything_slow_is_imported(tmp_path: Path, lines: str) -> None:
    done = subprocess.run(
        [START[0], "-X", "importtime", *START[1:]],
        input=lines,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    results = [json.loads(line)["result"] for line in done.stdout.splitlines()]
    assert len(results) == len(lines.splitlines())
    assert "apiframe_server.front.answering" in loaded
    assert not loaded & SLOW_MODULES
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("meta", [{}, {"_meta": ENVELOPE}], ids=["legacy", "modern"])
@pytest.mark.parametrize("at_once", [False, True], ids=["at the first call", "at once"])
async def test_a_session_goes_on_after_the_hand_over(
    tmp_path: Path, meta: dict[str, object], at_once: bool
) -> None:
    settings: dict[str, str] = {}
    if at_once:
        pytest.importorskip("desktop_notifier", reason="the extra notify is not installed")
        settings = {"NOTIFY": "on"}
        note = tmp_path / "sandbox" / TO_REPORT
        note.parent.mkdir()
        note.touch()
    async with running("--sandbox", folder=tmp_path, settings=settings) as wire:
        if not meta:
            await wire.greet()
        before = await wire.request("tools/list", meta)
        call = {"name": "start_training", "arguments": {"training_images_id": "sandbox-person"}, **meta}
        begun = (await wire.request("tools/call", call))["structuredContent"]
        after = await wire.request("tools/list", meta)
        listing = await wire.request("tools/call", {"name": "list_trainings", "arguments": {}, **meta})
    assert after == before
    assert begun["task_id"] in listing["content"][0]["text"]
    assert wire.process.returncode == 0
    assert wire.err == ""


async def test_a_client_that_is_asked_before_paying_may_have_listed_the_tools_first(tmp_path: Path) -> None:
    hello = HELLO | {"capabilities": {"elicitation": {"form": {}}}}
    async with running("--sandbox", folder=tmp_path, settings={"CONFIRM_SPENDING": "always"}) as wire:
        await wire.request("initialize", hello)
        await wire.send({"method": "notifications/initialized"})
        await wire.request("tools/list")
        photos = {"name": "start_training", "arguments": {"training_images_id": "sandbox-person"}}
        number = await wire.ask("tools/call", photos)
        question = json.loads(await wire.out_until("elicitation/create"))
        yes = {"action": "accept", "content": {"agreed": True}}
        await wire.send({"id": question["id"], "result": yes})
        assert (await wire.answer(number))["structuredContent"]["task_id"]


@pytest.mark.slow
async def test_each_of_600_requests_around_the_hand_over_is_answered_once(tmp_path: Path) -> None:
    async with running("--sandbox", folder=tmp_path, new_process=True) as wire:
        await wire.greet()
        first = wire.lines()[-1]["id"] + 1
        lines = [_line(first + n, "ping") for n in range(600)]
        lines[::2] = [
            _line(first + n, "tools/call", name="no_such_tool", arguments={}) for n in range(0, 600, 2)
        ]
        for start in range(0, 600, 50):
            await wire.send_line("".join(lines[start : start + 50]).rstrip("\n"))
            await anyio.lowlevel.checkpoint()
        await wire.close_input()
        assert await wire.ended() == 0
    counted = Counter(line["id"] for line in wire.lines())
    assert counted == Counter(range(1, first + 600))


async def test_two_thousand_lists_and_a_long_line_are_answered(tmp_path: Path) -> None:
    async with running("--sandbox", folder=tmp_path) as wire:
        await wire.greet()
        await wire.send_line("".join(_line(n, "prompts/list") for n in range(100, 2100)).rstrip("\n"))
        await wire.message(2099)
        await wire.send_line('{"' + "a" * 500_000)
        assert (await wire.message(None))["error"]["code"] == -32700
        await wire.request("ping")
    assert Counter(line["id"] for line in wire.lines())[500] == 1


STOPS = ["end of input", "SIGTERM", "SIGINT"]


async def _stop(wire: Wire, stop: str) -> None:
    if stop == "end of input":
        await wire.close_input()
    else:
        wire.process.send_signal(getattr(signal, stop))


@pytest.mark.slow
@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("state", ["opened", "importing", "serving"])
async def test_the_server_ends_with_0_in_every_state(tmp_path: Path, state: str, stop: str) -> None:
    """A start without a message and one with lists only are the same state, except for signals before the start."""
    async with running("--sandbox", folder=tmp_path, new_process=state == "importing") as wire:
        await wire.greet()
        number = 0
        if state != "opened":
            number = await wire.ask("tools/call", {"name": "no_such_tool", "arguments": {}})
        if state == "serving":
            await wire.answer(number)
        await _stop(wire, stop)
        assert await wire.ended() == 0
    assert wire.err == ""
    if number and stop == "end of input":
        assert "no_such_tool" in json.dumps(wire.lines()[-1])


@pytest.mark.slow
def test_requests_that_wait_get_an_error_if_the_sdk_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "broken" / "mcp_types").mkdir(parents=True)
    (tmp_path / "broken" / "mcp_types" / "__init__.py").write_text("raise ImportError('planted')\n")
    lines = LEGACY + _line(7, "tools/call", name="get_account", arguments={}) + _line(8, "unknown")
    done = subprocess.run(
        START,
        input=lines,
        env=environment(tmp_path) | {"PYTHONPATH": str(tmp_path / "broken")},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    answers = {message["id"]: message for message in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 2
    assert "planted" in done.stderr
    assert answers.keys() == {*range(6), 7, 8}
    assert [answers[number]["error"]["code"] for number in (7, 8)] == [-32603, -32603]
    assert answers[7]["error"]["message"] == (
        "The server could not start (ImportError). Its log has the details."
    )


async def test_an_invalid_setting_is_reported_at_the_start(tmp_path: Path) -> None:
    done = await run(folder=tmp_path, settings={"POLL_SECONDS": "0"})
    assert done.process.returncode == 2
    assert done.out == ""
    assert done.err == "apiframe-photo-mcp: APIFRAME_POLL_SECONDS must be a number from 1 to 60.\n"


async def _compare_processes(folder: Path, seed: int, sessions: int) -> None:
    random = Random(seed)  # noqa: S311 - a fixed seed
    for number in range(sessions):
        lines = b"".join(make_session(random)).decode("latin-1")
        answers = []
        for settings in ({}, {"LOG_LEVEL": WITHOUT_FRONT["APIFRAME_LOG_LEVEL"]}):
            async with running("--sandbox", folder=folder, settings=settings) as wire:
                assert wire.process.stdin is not None
                await wire.process.stdin.send(lines.encode("latin-1"))
            assert wire.process.returncode == 0
            answers.append(sorted(wire.out.splitlines()))
        assert answers[0] == answers[1], (number, lines)


async def test_a_process_answers_random_sessions_as_one_without_the_front(tmp_path: Path) -> None:
    await _compare_processes(tmp_path, 1, 5)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
async def test_a_process_answers_500_random_sessions_as_one_without_the_front(
    tmp_path: Path, seed: int
) -> None:
    await _compare_processes(tmp_path, seed, 50)
