"""`apiframe-photo-mcp http`: real clients of both eras on a port, and how the program ends."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import sys
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from mcp import Client

from ..faults.fault_server import ACCEPTED
from .holding import holding, settings_for
from .program import Wire, fields_of, run, running, submissions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.slow

ERAS: list[Literal["auto", "legacy"]] = ["auto", "legacy"]
SENT_BY_A_PAGE = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
needs_sigterm = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at once")


@contextlib.asynccontextmanager
async def serving(
    *arguments: str, folder: Path, settings: Mapping[str, str] | None = None
) -> AsyncGenerator[tuple[Wire, str]]:
    """Run the command on a free port; yields it with its URL."""
    async with running("http", "--port", "0", *arguments, folder=folder, settings=settings) as wire:
        try:
            line = await wire.err_until("Listening on ")
            yield wire, line.split()[2]
        finally:
            if wire.process.returncode is None:
                wire.process.kill()


async def _call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return fields_of(result.model_dump(by_alias=True))


async def _until_closed(url: str) -> None:
    parts = urlsplit(url)
    with anyio.fail_after(60), contextlib.suppress(OSError):
        while True:
            await (await anyio.connect_tcp(parts.hostname or "", parts.port or 0)).aclose()


@pytest.mark.parametrize("era", ERAS)
async def test_the_main_job_over_http_and_a_second_client_sees_it(
    tmp_path: Path, era: Literal["auto", "legacy"]
) -> None:
    fast = {"SANDBOX_SECONDS": "1"}
    async with (
        serving("--sandbox", folder=tmp_path, settings=fast) as (wire, url),
        Client(url, mode=era) as client,
    ):
        begun = await _call(client, "start_training", training_images_id="sandbox-person", subject="Anna")
        async with Client(url, mode=era) as second:
            [listed] = (await _call(second, "list_trainings"))["trainings"]
            assert listed["task_id"] == begun["task_id"]
            ended = await _call(second, "wait_for_training", task_id=begun["task_id"])
        assert ended["status"] == "finished"
        images = await _call(client, "generate_photos", prompt="in a garden", subject="Anna")
        assert images["trigger_word"] == ended["trigger_word"]
        assert wire.err.count("\n") == 1


async def test_only_programs_and_pages_of_this_machine_are_served_at_any_path(tmp_path: Path) -> None:
    async with serving("--sandbox", folder=tmp_path) as (_, url), httpx.AsyncClient() as client:
        for path in ("/mcp", "/healthz", "/readyz", "/nothing"):
            address = url.replace("/mcp", path)
            for headers, status in (
                ({"Host": "rebound.example"}, 421),
                ({"Host": "localhost.example:80"}, 421),
                ({"Origin": "https://elsewhere.example"}, 403),
                ({"Origin": "null"}, 403),
            ):
                response = await client.post(address, json={}, headers=SENT_BY_A_PAGE | headers)
                assert (path, headers, response.status_code) == (path, headers, status)
        for host in ("localhost", "127.0.0.1:1", "[::1]:1"):
            response = await client.get(url.replace("/mcp", "/healthz"), headers={"Host": host})
            assert (response.status_code, response.json()) == (200, {"status": "alive"})


async def test_other_paths_and_methods_are_answered_with_json(tmp_path: Path) -> None:
    async with serving("--sandbox", folder=tmp_path) as (_, url), httpx.AsyncClient() as client:
        for path in ("/", "/mcp/", "/.well-known/oauth-protected-resource"):
            response = await client.get(url.replace("/mcp", path))
            assert (path, response.status_code) == (path, 404)
            assert "/mcp" in response.json()["error"]
        assert (await client.post(url.replace("/mcp", "/healthz"))).status_code == 405
        response = await client.put(url)
        assert (response.status_code, "error" in response.json()) == (405, True)


async def test_the_program_is_ready_only_with_a_ledger_of_its_version(tmp_path: Path) -> None:
    async with serving("--sandbox", folder=tmp_path) as (_, url), httpx.AsyncClient() as client:
        ready = url.replace("/mcp", "/readyz")
        response = await client.get(ready)
        assert (response.status_code, response.json()) == (200, {"status": "ready"})
        ledger = tmp_path / "sandbox" / "ledger.sqlite3"
        for version, words in ((99, "newer version"), (1, "cannot be used")):
            with contextlib.closing(sqlite3.connect(ledger)) as file:
                file.execute(f"PRAGMA user_version={version}")
            response = await client.get(ready)
            assert (response.status_code, response.json()["status"]) == (503, "not ready")
            assert words in response.json()["reason"]
            assert str(tmp_path) not in response.text
        ledger.unlink()
        assert (await client.get(ready)).status_code == 503
        assert (await client.get(url.replace("/mcp", "/healthz"))).status_code == 200


@needs_sigterm
@pytest.mark.parametrize("era", ERAS)
async def test_a_paid_request_under_way_is_answered_before_the_end(
    tmp_path: Path, era: Literal["auto", "legacy"]
) -> None:
    begun: list[dict[str, Any]] = []
    with holding() as held:
        async with serving(folder=tmp_path, settings=settings_for(held)) as (wire, url):

            async def start() -> None:
                begun.append(await _call(client, "start_training", training_images_id="photos"))

            async with Client(url, mode=era) as client, anyio.create_task_group() as group:
                await client.list_tools()  # The client needs the tool's schema when the server is gone.
                group.start_soon(start)
                await held.came()
                wire.process.send_signal(signal.SIGTERM)
                await _until_closed(url)
                held.answer()
            assert await wire.ended() == 0
    assert begun[0]["task_id"] == ACCEPTED["task_id"]
    assert submissions(tmp_path) == [("queued", ACCEPTED["task_id"])]


@needs_sigterm
@pytest.mark.parametrize("era", ERAS)
async def test_a_wait_ends_with_a_normal_result_at_the_end(
    tmp_path: Path, era: Literal["auto", "legacy"]
) -> None:
    ended: list[dict[str, Any]] = []
    slow = {"SANDBOX_SECONDS": "3600"}
    async with (
        serving("--sandbox", folder=tmp_path, settings=slow) as (wire, url),
        Client(url, mode=era) as client,
    ):
        task_id = (await _call(client, "start_training", training_images_id="sandbox-person"))["task_id"]
        waits = anyio.Event()

        async def report(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
            waits.set()

        async def wait() -> None:
            result = await client.call_tool(
                "wait_for_training", {"task_id": task_id}, progress_callback=report
            )
            ended.append(fields_of(result.model_dump(by_alias=True)))

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await waits.wait()
            wire.process.send_signal(signal.SIGTERM)
        assert await wire.ended() == 0
        assert wire.err.count("\n") == 1
    assert ended[0]["status"] in ("queued", "processing")


@needs_sigterm
async def test_a_second_signal_ends_the_program_at_once(tmp_path: Path) -> None:
    photos = {"training_images_id": "photos"}
    with holding() as held:
        async with serving(folder=tmp_path, settings=settings_for(held)) as (wire, url):
            async with Client(url) as client, anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "start_training", photos)
                await held.came()
                group.cancel_scope.cancel()
            wire.process.send_signal(signal.SIGTERM)
            await _until_closed(url)
            wire.process.send_signal(signal.SIGINT)
            assert await wire.ended() == 130
    assert submissions(tmp_path) == [("sending", None)]


async def test_a_port_in_use_is_a_clear_problem(tmp_path: Path) -> None:
    async with serving("--sandbox", folder=tmp_path) as (_, url):
        port = url.partition("1:")[2].partition("/")[0]
        done = await run("http", "--sandbox", "--port", port, folder=tmp_path)
    assert done.process.returncode == 8
    assert f"port {port} of 127.0.0.1 cannot be used" in done.err
    assert "--port 0" in done.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org", ""])  # noqa: S104
async def test_other_hosts_are_refused_with_the_reason(tmp_path: Path, host: str) -> None:
    done = await run("http", "--sandbox", "--host", host, folder=tmp_path)
    assert done.process.returncode == 2
    assert "does not check who calls it" in done.err
    assert "127.0.0.1, ::1, localhost" in done.err
