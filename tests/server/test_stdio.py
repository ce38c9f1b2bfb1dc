"""The server as a process over stdin and stdout."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import anyio
import pytest
from mcp_types import JSONRPCNotification, JSONRPCRequest

from apiframe_server.pending_calls import PendingCalls

from ..faults.fault_server import answer, fault_server, replying
from .program import HELLO, Wire, run, running

KEY = "canary-key-51c0ffee0123456789"
SECRET = "canary-secret-0123456789"


@pytest.mark.slow
async def test_the_server_starts_and_lists_its_tools_without_a_key_and_without_a_data_folder(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "nowhere yet"
    async with running(folder=folder, new_process=True) as wire:
        welcome = await wire.greet()
        tools = (await wire.request("tools/list"))["tools"]
        assert not await anyio.Path(folder).exists()
        result = await wire.call("start_training", training_images_id="photos")
    assert welcome["serverInfo"]["name"] == "apiframe-photo-mcp"
    assert "start_training" in {tool["name"] for tool in tools}
    assert result["isError"] is True
    assert "No Apiframe API key is set" in result["content"][0]["text"]
    assert "APIFRAME_API_KEY" in result["content"][0]["text"]
    assert wire.process.returncode == 0
    assert wire.err == ""


@pytest.mark.slow
async def test_calls_before_the_end_of_input_are_answered(tmp_path: Path) -> None:
    """`printf '…' | apiframe-photo-mcp` prints its responses."""
    async with running("--sandbox", folder=tmp_path, new_process=True) as wire:
        greeting = await wire.ask("initialize", HELLO)
        await wire.send({"method": "notifications/initialized"})
        listing = await wire.ask("tools/call", {"name": "list_trainings", "arguments": {}})
        await wire.close_input()
        assert await wire.ended() == 0
        await wire.answer(greeting)
        assert "No trainings." in (await wire.answer(listing))["content"][0]["text"]


@pytest.mark.slow
async def test_an_env_file_in_the_working_directory_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"APIFRAME_API_KEY={KEY}\nAPIFRAME_BASE_URL=http://untrusted.invalid\n")
    async with running(folder=tmp_path / "data", cwd=tmp_path, new_process=True) as wire:
        await wire.greet()
        result = (await wire.call("get_account"))["content"][0]["text"]
    assert "No Apiframe API key is set" in result


CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":'
UNREADABLE: dict[str, tuple[str, int | str | None, int]] = {
    "half of an emoji": (CALL + r'{"name":"list_trainings","arguments":{"subject":"\ud83d"}}}', 7, -32700),
    "a raw tab": (CALL + '{"name":"list_trainings","arguments":{"subject":"\t"}}}', 7, -32700),
    "params as a list": (CALL + '["list_trainings"]}', 7, -32602),
    "params as a text": (CALL + '"list_trainings"}', 7, -32602),
    "cut off": (CALL + '{"name":"list_tr', 7, -32700),
    "an id in quotes": (r'{"method":"ping","params":"\ud83d","id":"seven","jsonrpc":"2.0"}', "seven", -32700),
    "no method": ('{"jsonrpc":"2.0","id":7}', None, -32600),
    "another version": ('{"jsonrpc":"1.0","id":7,"method":"ping"}', 7, -32600),
    "an invalid id": ('{"jsonrpc":"2.0","id":7.5,"method":"ping"}', None, -32600),
    "an id of null": ('{"jsonrpc":"2.0","id":null,"method":"ping"}', None, -32600),
    "a batch": ('[{"jsonrpc":"2.0","id":7,"method":"ping"}]', None, -32600),
    "a broken answer": (r'{"jsonrpc":"2.0","id":7,"result":{"action":"\ud83d"}}', None, -32700),
    "words": ("hello there", None, -32700),
    "nested without an end": ("[" * 100_000, None, -32700),
    "an escaped name of an id": (r'{"jsonrpc":"2.0","\u0069d":1.5,"method":"ping"}', None, -32600),
}


async def test_an_invalid_message_is_answered_with_an_error_and_its_id(tmp_path: Path) -> None:
    async with running("--sandbox", folder=tmp_path) as wire:
        await wire.greet()
        for name, (line, number, code) in UNREADABLE.items():
            wire.out = ""
            await wire.send_line(line)
            error = (await wire.message(number))["error"]
            await wire.send_line("")
            assert "result" in await wire.message(await wire.ask("ping"))
            assert (name, error["code"]) == (name, code)
            assert error["message"].endswith("Nothing was done.")
            assert len(wire.lines()) == 2
    assert wire.err == ""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
async def test_an_endless_name_uses_only_a_few_times_the_memory_of_its_line(tmp_path: Path) -> None:
    async with running("--sandbox", folder=tmp_path, new_process=True) as wire:
        await wire.greet()
        await wire.call("no_such_tool")
        before = _peak_bytes(wire)
        line = '{"' + "a" * 8_000_000
        await wire.send_line(line)
        assert (await wire.message(None))["error"]["code"] == -32700
        assert _peak_bytes(wire) - before < 10 * len(line)


def _peak_bytes(wire: Wire) -> int:
    """Return the peak memory of the process."""
    status = Path(f"/proc/{wire.process.pid}/status").read_text(encoding="ascii")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) * 1024


async def test_the_server_ends_after_a_cancelled_call(tmp_path: Path) -> None:
    settings = {"SANDBOX_SECONDS": "60"}
    async with running("--sandbox", folder=tmp_path, settings=settings) as wire:
        await wire.greet()
        begun = (await wire.call("start_training", training_images_id="sandbox-person"))["structuredContent"]
        waiting = {"name": "wait_for_training", "arguments": {"task_id": begun["task_id"]}}
        number = await wire.ask("tools/call", waiting)
        await wire.send({"method": "notifications/cancelled", "params": {"requestId": number}})
        await wire.request("ping")
        await wire.close_input()
        assert await wire.ended() == 0


async def test_a_cancelled_call_is_not_waited_for() -> None:
    calls = PendingCalls()
    calls.received(JSONRPCRequest(jsonrpc="2.0", id=7, method="tools/call"))
    calls.received(
        JSONRPCNotification(jsonrpc="2.0", method="notifications/cancelled", params={"requestId": "7"})
    )
    with anyio.move_on_after(0) as wait:
        await calls.drain()
    assert calls.drained.is_set()
    assert not wait.cancelled_caught


ECHOES = {
    "refusing": replying(answer("400 Bad Request", {"errors": [{"msg": f"Bad {KEY} and {SECRET}"}]})),
    "running": replying(
        answer("200 OK", {"task_id": "t-1", "status": "processing", "message": f"{KEY} {SECRET}"})
    ),
    "failing": replying(answer("500 Oops", {"error": f"{KEY} {SECRET}"}, x_request_id=KEY)),
    "an id that is the key": replying(answer("200 OK", {"task_id": KEY, "status": "processing"})),
    "an id with the secret in it": replying(answer("200 OK", {"task_id": f"train-{SECRET}-1"})),
    "a word that is the secret": replying(
        answer("200 OK", {"task_id": "t-1", "status": "finished", "percentage": 100, "trigger_word": SECRET})
    ),
    "an id in a broken answer": replying(answer("200 OK", f'{{"task_id":"{KEY}",'.encode(), length=999)),
}


@pytest.mark.parametrize("echo", ECHOES)
async def test_stdout_has_only_the_protocol_stderr_single_lines_and_neither_a_secret(
    tmp_path: Path, echo: str
) -> None:
    folder = tmp_path / "data"
    with fault_server(echo, faults=ECHOES) as service:
        settings = {"API_KEY": KEY, "BASE_URL": service.base_url, "LOG_LEVEL": "DEBUG", "READ_SECONDS": "1"}
        async with running(folder=folder, settings=settings) as wire:
            await wire.greet()
            await wire.call(
                "start_training",
                training_images_id="photos",
                webhook_url="https://example.org/hook",
                webhook_secret=SECRET,
                idempotency_key="one",
            )
            for tool, arguments in (
                ("get_training_status", {"task_id": "t-1"}),
                ("start_training", {"training_images_id": "photos", "nonsense": SECRET}),
                ("start_training", {"training_images_id": [SECRET], "webhook_secret": SECRET}),
                ("no_such_tool", {"webhook_secret": SECRET}),
                ("get_account", {}),
                ("list_trainings", {}),
            ):
                await wire.message(await wire.ask("tools/call", {"name": tool, "arguments": arguments}))
            await wire.send({"nonsense": SECRET})
            await wire.request("ping")
    assert service.posts
    assert len(wire.lines()) > 5
    for text in (wire.out, wire.err):
        assert KEY not in text
        assert SECRET not in text
    for line in wire.err.splitlines():
        assert re.match(r"\d{4}-\d\d-\d\d \S+ (DEBUG|INFO|WARNING|ERROR) \S+: ", line), line
    kept = b"".join(
        [await path.read_bytes() async for path in anyio.Path(folder).rglob("*") if await path.is_file()]
    )
    assert KEY.encode() not in kept
    assert SECRET.encode() not in kept


REPORTABLE = {
    "an outage": replying(answer("503 Service Unavailable", {"error": "down"}, x_request_id="req-7")),
    "an odd refusal": replying(answer("422 Unprocessable Content", {"error": "odd"}, x_request_id="req-7")),
    "a refused key": replying(answer("401 Unauthorized", {"error": "who?"}, x_request_id="req-7")),
}


@pytest.mark.parametrize("outcome", REPORTABLE)
async def test_the_request_id_that_support_asks_for_is_in_the_log_the_message_and_doctor(
    tmp_path: Path, outcome: str
) -> None:
    with fault_server(outcome, faults=REPORTABLE) as service:
        settings = {"API_KEY": KEY, "BASE_URL": service.base_url, "LOG_LEVEL": "INFO", "READ_SECONDS": "1"}
        async with running(folder=tmp_path, settings=settings) as wire:
            await wire.greet()
            message = (await wire.call("get_account"))["content"][0]["text"]
        report = await run("doctor", folder=tmp_path, settings=settings)
    assert "Request id: 'req-7'." in message
    assert "request id req-7" in wire.err
    assert "Request id: 'req-7'." in report.out
