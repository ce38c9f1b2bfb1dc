"""Our server on an embedded sandbox, spoken to in both eras of the protocol; its clock moves only when told."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.lowlevel
import pytest
from mcp import Client
from mcp.types import CallToolResult, ElicitResult, TextContent
from pydantic import SecretStr

from apiframe_server.composition import build_server
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox
from apiframe_studio.studio import Studio, StudioPlan

START = 1_790_000_000.0
TRAINING_SECONDS = 1000.0
Era = Literal["auto", "legacy"]


class HandClock:
    """Time that passes when a test says so, and while the studio sleeps if `runs`."""

    def __init__(self) -> None:
        self.at = START
        self.runs = False
        self.sleepers = 0
        self._changed = anyio.Event()
        self._morning = anyio.Event()

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self._count(1)
        try:
            if not self.runs:
                await self._morning.wait()
                return
            self.at += seconds
            await anyio.lowlevel.checkpoint()
        finally:
            self._count(-1)

    def wake(self) -> None:
        """End every sleep that is under way."""
        self._morning.set()
        self._morning = anyio.Event()

    async def until_sleepers(self, number: int) -> None:
        """Wait until so many sleeps are under way."""
        with anyio.fail_after(30):
            while self.sleepers != number:
                await self._changed.wait()

    def _count(self, more: int) -> None:
        self.sleepers += more
        self._changed.set()
        self._changed = anyio.Event()


@dataclass(frozen=True)
class Heard:
    """What a client got back from one call."""

    text: str
    facts: dict[str, Any]
    raw: CallToolResult


@dataclass(frozen=True)
class Talk:
    """One client, the server it talks to, and what is behind that."""

    client: Client
    studio: Studio
    sandbox: Sandbox
    clock: HandClock

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Call a tool, whatever comes back."""
        with anyio.fail_after(30):
            return await self.client.call_tool(tool, arguments)

    async def ask(self, tool: str, **arguments: Any) -> Heard:
        """Call a tool that has to answer."""
        result = await self.call(tool, **arguments)
        assert not result.is_error, _text(result)
        assert result.structured_content is not None
        return Heard(_text(result), result.structured_content, result)

    async def refusal(self, tool: str, **arguments: Any) -> str:
        """Call a tool that has to refuse; returns its words."""
        result = await self.call(tool, **arguments)
        assert result.is_error, _text(result)
        assert result.structured_content is None
        return _text(result)

    def paid(self) -> int:
        """How many requests the sandbox took money for."""
        return self.sandbox.store.count_paid()

    def asked(self, path: str) -> int:
        """How often the sandbox was asked for `path`."""
        return sum(request["path"] == path for request in self.sandbox.store.list_requests())

    def requests(self) -> int:
        """How many requests the sandbox saw."""
        return len(self.sandbox.store.list_requests())


Serving = Callable[..., AbstractAsyncContextManager[Talk]]
"""Serve with some parts of the plan replaced; `speeds` are the sandbox's, `answers` a person who can be asked."""
Answers = Callable[[Any, Any], Awaitable[ElicitResult]]


def _text(result: CallToolResult) -> str:
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> Era:
    """The newest revision of the protocol, and the ones before 2026-07-28."""
    chosen: Era = request.param
    return chosen


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def serving(era: Era, clock: HandClock, tmp_path: Path) -> Serving:
    """Makes a server and a client of it in this era."""

    @asynccontextmanager
    async def serve(
        *, speeds: dict[str, float] | None = None, answers: Any = None, **changes: Any
    ) -> AsyncGenerator[Talk]:
        paces: dict[str, Any] = {"training_seconds": TRAINING_SECONDS, **(speeds or {})}
        sandbox = Sandbox(clock=clock.now, **paces)
        plan = StudioPlan(
            ledger_path=tmp_path / "ledger.sqlite3",
            base_url=SANDBOX_URL,
            key=SecretStr(SANDBOX_KEY),
            stand_in=lambda: sandbox.app,
            is_sandbox=True,
            connect_seconds=0.3,
            read_seconds=0.6,
            paid_seconds=0.6,
            photo_folders=(tmp_path / "photos",),
            output_folder=tmp_path / "portraits",
        )
        studio = Studio(replace(plan, **changes), clock)
        try:
            async with Client(build_server(studio), mode=era, elicitation_callback=answers) as client:
                yield Talk(client, studio, sandbox, clock)
        finally:
            await studio.aclose()
            sandbox.close()

    return serve


@pytest.fixture
async def talk(serving: Serving) -> AsyncGenerator[Talk]:
    """A client on the embedded sandbox."""
    async with serving() as talk:
        yield talk


class Gated:
    """A service that holds its answers to one call until `open` is set; `knocked` tells that one came."""

    def __init__(self, path: str) -> None:
        self.talk: Talk
        self.knocked = anyio.Event()
        self.open = anyio.Event()
        self._path = path

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == self._path:
            self.knocked.set()
            await self.open.wait()
        await self.talk.sandbox.app(scope, receive, send)


Gating = Callable[[str], AbstractAsyncContextManager[Gated]]


@pytest.fixture
def gating(serving: Serving) -> Gating:
    """Makes a server on a service that holds its answers to calls of this path."""

    @asynccontextmanager
    async def gate(path: str) -> AsyncGenerator[Gated]:
        gated = Gated(path)
        async with serving(stand_in=lambda: gated.app, paid_seconds=5.0, read_seconds=5.0) as gated.talk:
            yield gated

    return gate


def compact(value: object) -> str:
    """JSON without a superfluous character: the way the size of a tool list is counted."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
