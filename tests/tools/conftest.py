"""Our server on an embedded sandbox, in both eras of the protocol, with a clock that tests control."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import anyio
import anyio.lowlevel
import jsonschema  # type: ignore[import-untyped]  # comes with the SDK, without types
import pytest
from mcp import Client
from mcp.client.extension import ClientExtension, advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.server.mcpserver.resources import ResourceTemplate
from mcp.types import CallToolResult, ElicitResult, TextContent
from pydantic import SecretStr

import apiframe_tools
from apiframe_server.composition import build_server
from apiframe_studio.api.provider import Terms
from apiframe_studio.follower import Notifier
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, SANDBOX_V2_KEY, Sandbox
from apiframe_studio.sandbox.sandbox import START_CREDITS
from apiframe_studio.sandbox.v2.behaviour import Behaviour
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_tools.prompts import StudioPrompt

START = 1_790_000_000.0
TRAINING_SECONDS = 1000.0
Era = Literal["auto", "legacy"]
SHOWS_CARDS = advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]})
"""The extension of a client that shows cards."""


class HandClock:
    """A clock that moves when a test moves it and, if `runs`, while the studio sleeps."""

    def __init__(self) -> None:
        self.at = START
        self.runs = False
        self.sleepers = 0
        self._changed = anyio.Event()
        self._wake = anyio.Event()

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self._count(1)
        try:
            if not self.runs:
                await self._wake.wait()
                return
            self.at += seconds
            await anyio.lowlevel.checkpoint()
        finally:
            self._count(-1)

    def wake(self) -> None:
        """End every current sleep."""
        self._wake.set()
        self._wake = anyio.Event()

    async def until_sleepers(self, number: int) -> None:
        """Wait until there are this many sleeping tasks."""
        with anyio.fail_after(60):
            while self.sleepers != number:
                await self._changed.wait()

    def _count(self, more: int) -> None:
        self.sleepers += more
        self._changed.set()
        self._changed = anyio.Event()


@dataclass(frozen=True)
class Reply:
    """The result of one call as a client gets it."""

    text: str
    facts: dict[str, Any]
    raw: CallToolResult


@dataclass(frozen=True)
class Session:
    """A client with its server, studio, sandbox and clock."""

    client: Client
    studio: Studio
    sandbox: Sandbox
    clock: HandClock

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Call a tool and return any result."""
        with anyio.fail_after(60):
            return await self.client.call_tool(tool, arguments)

    async def ask(self, tool: str, **arguments: Any) -> Reply:
        """Call a tool that must succeed."""
        result = await self.call(tool, **arguments)
        assert not result.is_error, _text(result)
        assert result.structured_content is not None
        return Reply(_text(result), result.structured_content, result)

    async def refusal(self, tool: str, **arguments: Any) -> str:
        """Call a tool that must fail and return its error text."""
        result = await self.call(tool, **arguments)
        assert result.is_error, _text(result)
        assert result.structured_content is None
        return _text(result)

    def paid(self) -> int:
        """Return the number of requests that cost credits."""
        if self.studio.terms.generation == "v2":
            return self.sandbox.v2_state.records.count_paid()
        return self.sandbox.store.count_paid()

    def asked(self, path: str) -> int:
        """Return the number of requests for `path`."""
        return sum(request["path"] == path for request in self.sandbox.store.list_requests())

    def requests(self) -> int:
        """Return the number of all requests."""
        return len(self.sandbox.store.list_requests())


Serving = Callable[..., AbstractAsyncContextManager[Session]]
"""Serve with some parts of the plan replaced, and `api` as the generation. `speeds`, `behaviour` and `start_credits`
are the sandbox's, `answers` replies for the user, `cards` is the setting, `notifier`
shows notifications, and `extensions` are the client's."""
Answers = Callable[[Any, Any], Awaitable[ElicitResult]]


def _text(result: CallToolResult) -> str:
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


@pytest.fixture(params=["auto", pytest.param("legacy", marks=pytest.mark.legacy)])
def era(request: pytest.FixtureRequest) -> Era:
    """The newest revision of the protocol, and the ones before 2026-07-28."""
    chosen: Era = request.param
    return chosen


@pytest.fixture(scope="session", autouse=True)
def _tools_built_once() -> Generator[None]:
    """Make the models and schemas of tools, prompts and resources once for all servers of the tests."""
    with (
        patch.object(apiframe_tools, "build_tools", cache(apiframe_tools.build_tools)),
        patch.object(StudioPrompt, "of", cache(StudioPrompt.of)),
        patch.object(ResourceTemplate, "from_function", cache(ResourceTemplate.from_function)),
    ):
        yield


@pytest.fixture(scope="session", autouse=True)
def _schemas_checked_once() -> Generator[None]:
    """Check each schema of a result once for all clients of the tests. A client does so at its first use of each tool,
    which takes several times as long as the call."""
    validator = jsonschema.Draft202012Validator
    check = validator.check_schema
    checked: set[str] = set()

    def check_once(schema: Any, *options: Any, **named: Any) -> None:
        written = json.dumps(schema, sort_keys=True)
        if written not in checked:
            check(schema, *options, **named)
            checked.add(written)

    with patch.object(validator, "check_schema", staticmethod(check_once)):
        yield


@pytest.fixture(autouse=True)
def _decoding(photos_decoded_once: None) -> None:
    """Most tests here copy the same photos; `tests/studio/photos` decodes them."""


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def serving(era: Era, clock: HandClock, tmp_path: Path) -> Serving:
    """Return a function that runs a server and a client in this era."""

    @asynccontextmanager
    async def serve(
        *,
        speeds: dict[str, float] | None = None,
        answers: Any = None,
        terms: Terms | None = None,
        api: Literal["v1", "v2"] = "v1",
        behaviour: Behaviour | None = None,
        start_credits: int = START_CREDITS,
        cards: bool = True,
        notifier: Notifier | None = None,
        extensions: Sequence[ClientExtension] = (),
        **changes: Any,
    ) -> AsyncGenerator[Session]:
        paces: dict[str, Any] = {"training_seconds": TRAINING_SECONDS, **(speeds or {})}
        sandbox = Sandbox(clock=clock.now, api=api, behaviour=behaviour, start_credits=start_credits, **paces)
        plan = StudioConfig(
            ledger_path=tmp_path / "ledger.sqlite3",
            base_url=SANDBOX_URL,
            key=SecretStr(SANDBOX_KEY if api == "v1" else SANDBOX_V2_KEY),
            app_factory=lambda: sandbox.app,
            is_sandbox=True,
            photo_folders=(tmp_path / "photos",),
            output_folder=tmp_path / "portraits",
        )
        studio = Studio(replace(plan, **changes), clock, terms, notifier)
        try:
            async with Client(
                build_server(studio, cards=cards),
                mode=era,
                elicitation_callback=answers,
                extensions=extensions,
            ) as client:
                yield Session(client, studio, sandbox, clock)
        finally:
            await studio.aclose()
            sandbox.close()

    return serve


@pytest.fixture
async def session(serving: Serving) -> AsyncGenerator[Session]:
    """A client on the embedded sandbox."""
    async with serving() as session:
        yield session


class Gated:
    """A service that delays its responses to one call until `open` is set; `arrived` is set by a request."""

    def __init__(self, path: str) -> None:
        self.session: Session
        self.arrived = anyio.Event()
        self.open = anyio.Event()
        self._path = path

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == self._path:
            self.arrived.set()
            await self.open.wait()
        await self.session.sandbox.app(scope, receive, send)


Gating = Callable[[str], AbstractAsyncContextManager[Gated]]


@pytest.fixture
def gating(serving: Serving) -> Gating:
    """Return a function that runs a server on a service that delays its responses for a path."""

    @asynccontextmanager
    async def gate(path: str) -> AsyncGenerator[Gated]:
        gated = Gated(path)
        async with serving(app_factory=lambda: gated.app) as gated.session:
            yield gated

    return gate


def compact(value: object) -> str:
    """Return JSON without superfluous characters, by which the size of a tool list is counted."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
