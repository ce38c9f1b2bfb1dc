"""Our command as a child process, with raw lines as a client sends and receives them."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
import anyio.abc
from anyio.streams.text import TextReceiveStream

from ..forking.processes import CAN_FORK
from .forked import fork

COMMAND = [sys.executable, "-m", "apiframe_server"]
MAX_SECONDS = 120.0
"""A test that waits longer for a process has failed. Generous, because a busy machine may be slow."""
WITHOUT_FRONT = {"APIFRAME_LOG_LEVEL": "warning"}
"""The default, but in lower case: valid, and not in the list of values with which a start has a front."""
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "raw lines", "version": "0"},
}


def environment(folder: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment without this machine's settings, with `folder` for the data and the images."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APIFRAME_")}
    kept |= {"PYTHONUNBUFFERED": "1", "COLUMNS": "200", "APIFRAME_DATA_DIR": str(folder)}
    kept["APIFRAME_OUTPUT_FOLDER"] = str(folder / "images")
    return kept | {f"APIFRAME_{name}": value for name, value in (settings or {}).items()}


def fields_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a tool's result, wherever it carries them."""
    return dict(result.get("structuredContent") or result["_meta"]["apiframe/result"])


class Wire:
    """A server process whose output is kept."""

    def __init__(self, process: anyio.abc.Process) -> None:
        self.process = process
        self.out = ""
        self.err = ""
        self._read = 0
        self._last_id = 0
        self._written = anyio.Event()

    def lines(self) -> list[dict[str, Any]]:
        """Return the messages on stdout. Every line must be a message of the protocol."""
        messages = [json.loads(line) for line in self.out.splitlines()]
        assert all(message["jsonrpc"] == "2.0" for message in messages)
        return messages

    async def greet(self) -> dict[str, Any]:
        """Initialize a session."""
        welcome = await self.request("initialize", HELLO)
        await self.send({"method": "notifications/initialized"})
        return welcome

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its result."""
        return await self.request("tools/call", {"name": tool, "arguments": arguments})

    async def request(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return its result."""
        return await self.answer(await self.ask(method, params))

    async def ask(self, method: str, params: Mapping[str, Any] | None = None) -> int:
        """Send a request and return its id."""
        self._last_id += 1
        await self.send({"id": self._last_id, "method": method, "params": params or {}})
        return self._last_id

    async def send(self, message: Mapping[str, Any]) -> None:
        """Write one message."""
        await self.send_line(json.dumps({"jsonrpc": "2.0", **message}))

    async def send_line(self, line: str) -> None:
        """Write any line."""
        assert self.process.stdin is not None
        await self.process.stdin.send(line.encode() + b"\n")

    async def answer(self, number: int) -> dict[str, Any]:
        """Wait for the result with this id."""
        result: dict[str, Any] = (await self.message(number))["result"]
        return result

    async def message(self, number: int | str | None) -> dict[str, Any]:
        """Wait for the response with this id, a result or an error. The id None means an unknown one."""
        with anyio.fail_after(MAX_SECONDS):
            while True:
                for line in self.out.split("\n")[:-1]:
                    message: dict[str, Any] = json.loads(line)
                    if "method" not in message and message["id"] == number:
                        return message
                await self._written.wait()

    async def err_until(self, words: str) -> str:
        """Wait until stderr has this text and return its line."""
        return await self._line("err", words)

    async def out_until(self, words: str) -> str:
        """Wait until stdout has this text and return its line."""
        return await self._line("out", words)

    async def _line(self, name: str, words: str) -> str:
        with anyio.fail_after(MAX_SECONDS):
            while True:
                for line in getattr(self, name).split("\n")[:-1]:
                    if words in line:
                        return str(line)
                await self._written.wait()

    async def close_input(self) -> None:
        """Close stdin, as a client that disconnects."""
        assert self.process.stdin is not None
        await self.process.stdin.aclose()

    async def ended(self) -> int:
        """Wait for the end and return the exit code."""
        with anyio.fail_after(MAX_SECONDS):
            return await self.process.wait()

    async def keep(self, stream: anyio.abc.ByteReceiveStream, name: str) -> None:
        """Keep the output."""
        async for text in TextReceiveStream(stream):
            setattr(self, name, getattr(self, name) + text)
            self._written.set()
            self._written = anyio.Event()


@asynccontextmanager
async def running(
    *arguments: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    within: Sequence[str] = (),
    new_process: bool = not CAN_FORK,
) -> AsyncGenerator[Wire]:
    """Run the command in a fork until the block or the command ends.

    `variables` are further ones of the environment. `within` is a command that runs it. With that or with
    `new_process` the start is a real one.
    """
    env = {**environment(folder, settings), **(variables or {})}
    if within or new_process:
        process = await anyio.open_process(
            [*within, *COMMAND, *arguments], stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env, cwd=cwd
        )
    else:
        process = fork(arguments, env, cwd)
    wire = Wire(process)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(wire.keep, process.stdout, "out")
            group.start_soon(wire.keep, process.stderr, "err")
            yield wire
            await wire.close_input()
            await wire.ended()
    finally:
        if process.returncode is None:
            process.kill()
        await process.aclose()


async def run(
    *arguments: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    new_process: bool = not CAN_FORK,
) -> Wire:
    """Run the command until it ends."""
    async with running(*arguments, folder=folder, settings=settings, new_process=new_process) as wire:
        await wire.close_input()
        await wire.ended()
    return wire


def submissions(folder: Path) -> list[tuple[str, str | None]]:
    """Return state and task_id of every row of the ledger in `folder`, read without our code."""
    with closing(sqlite3.connect(folder / "ledger.sqlite3")) as ledger:
        return ledger.execute("SELECT state, task_id FROM submissions ORDER BY created_at").fetchall()
