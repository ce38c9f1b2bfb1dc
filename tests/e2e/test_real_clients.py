"""The whole main job through a real MCP client and real processes."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import TextContent

from apiframe_studio.sandbox import SANDBOX_KEY

from ..server.program import environment, running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.slow

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
TIMEOUT_SECONDS = 60


@asynccontextmanager
async def client_of(
    folder: Path, era: Era, *arguments: str, settings: Mapping[str, str] | None = None
) -> AsyncGenerator[Client]:
    """A real client that starts our command as its server."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "apiframe_server", *arguments],
        env=environment(folder, settings),
    )
    async with Client(command, mode=era) as client:
        yield client


async def _ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    [block] = result.content
    assert isinstance(block, TextContent)
    assert not result.is_error, block.text
    return result.structured_content or {}


async def _follow(client: Client, name: str) -> dict[str, Any]:
    while True:
        facts = await _ask(client, "wait_for_training", task_id=name)
        if facts["status"] not in ("queued", "processing"):
            return facts


@asynccontextmanager
async def sandbox_on_a_port(folder: Path) -> AsyncGenerator[str]:
    """Run `apiframe-photo-mcp sandbox` and yield its URL."""
    settings = {"SANDBOX_SECONDS": "1"}
    async with running("sandbox", "--port", "0", folder=folder, settings=settings) as wire:
        line = await wire.err_until("Sandbox listening on ")
        yield line.rpartition(" ")[2]
        wire.process.terminate()


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("way", ["--sandbox URL", "APIFRAME_BASE_URL"])
async def test_the_main_job_over_a_sandbox_on_a_port(tmp_path: Path, era: Era, way: str) -> None:
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with sandbox_on_a_port(tmp_path / "service") as url:
            pointed = way == "APIFRAME_BASE_URL"
            arguments = () if pointed else ("--sandbox", url)
            settings = {"API_KEY": SANDBOX_KEY, "BASE_URL": url} if pointed else {}
            settings["POLL_SECONDS"] = "1"
            async with client_of(tmp_path / "data", era, *arguments, settings=settings) as client:
                account = await _ask(client, "get_account")
                begun = await _ask(
                    client, "start_training", training_images_id="sandbox-person", subject="Anna"
                )
                ended = await _follow(client, begun["task_id"])
                [row] = (await _ask(client, "list_trainings", subject="anna"))["trainings"]
    assert account["credits"] == 12_000
    assert ended["status"] == row["status"] == "finished"
    assert ended["trigger_word"] == row["trigger_word"]
    assert ended["sandbox"] is not pointed


@pytest.mark.parametrize("era", ERAS)
async def test_the_main_job_works_with_a_new_process_for_every_call(tmp_path: Path, era: Era) -> None:
    """LangChain's adapter starts a new server for each call."""

    async def ask(tool: str, **arguments: Any) -> dict[str, Any]:
        async with client_of(tmp_path, era, "--sandbox", settings={"SANDBOX_SECONDS": "1"}) as client:
            return await _ask(client, tool, **arguments)

    with anyio.fail_after(TIMEOUT_SECONDS):
        begun = await ask("start_training", training_images_id="sandbox-person", subject="Anna")
        again = await ask("start_training", training_images_id="sandbox-person")
        ended = await ask("wait_for_training", task_id=begun["ref"])
        listed = await ask("list_trainings")
    assert again["deduplicated"] is True
    assert again["ref"] == begun["ref"]
    assert ended["status"] == "finished"
    assert [row["trigger_word"] for row in listed["trainings"]] == [ended["trigger_word"]]


async def test_two_servers_on_one_ledger_pay_once_and_report_the_same(tmp_path: Path) -> None:
    facts: list[dict[str, Any]] = []

    async def start(client: Client) -> None:
        facts.append(await _ask(client, "start_training", training_images_id="sandbox-person"))

    with anyio.fail_after(TIMEOUT_SECONDS):
        async with (
            client_of(tmp_path, "auto", "--sandbox") as one,
            client_of(tmp_path, "legacy", "--sandbox") as other,
        ):
            async with anyio.create_task_group() as group:
                for client in (one, other, one, other):
                    group.start_soon(start, client)
            seen = [
                await _ask(client, "get_training_status", task_id=facts[0]["ref"]) for client in (one, other)
            ]
            account = await _ask(one, "get_account")
    assert len({(fact["ref"], fact["task_id"]) for fact in facts}) == 1
    assert sorted(fact["deduplicated"] for fact in facts) == [False, True, True, True]
    assert seen[0]["task_id"] == seen[1]["task_id"] == facts[0]["task_id"]
    assert account["credits"] == 12_000 - 48
