"""The limits of the HTTP server, on a real port with small limits. No caller is authenticated."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import httpx
import pytest

from apiframe_server.composition import build_server
from apiframe_server.http_server.app import build_app
from apiframe_server.http_server.limits import Limits
from apiframe_server.http_server.serving import HttpServer
from apiframe_studio.listeners import base_url_of, listen
from apiframe_studio.studio import Studio

from .program import HELLO

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

HTTPTOOLS = "uvicorn.protocols.http.httptools_impl"
SOON = 0.05
"""A limit that is over at once. Nothing here depends on how long it really takes."""
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
PATHS = ["/mcp", "/healthz", "/nothing"]
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}


@pytest.fixture(params=["httptools", "h11"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with the parser of the extra `http`, and without it."""
    if request.param == "h11":
        monkeypatch.setitem(sys.modules, HTTPTOOLS, None)
    else:
        pytest.importorskip("httptools")


both_parsers = pytest.mark.usefixtures("either_parser")


@contextlib.asynccontextmanager
async def serving(folder: Path, **changes: Any) -> AsyncGenerator[tuple[str, anyio.Event]]:
    """Serve with these limits; yields the URL, and the event that is set when the server stops."""
    limits, stopping = replace(Limits(), **changes), anyio.Event()
    studio = Studio.sandbox(folder)
    app = build_app(studio, build_server(studio, cards=False), limits, stopping)
    server = HttpServer(app, limits)
    with listen("127.0.0.1", 0) as listener:
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            with anyio.fail_after(60):
                yield base_url_of(listener), stopping
            stopping.set()
            server.should_exit = True
    await studio.aclose()


async def _connect(url: str) -> anyio.abc.SocketStream:
    host, _, port = url.removeprefix("http://").partition(":")
    return await anyio.connect_tcp(host, int(port))


async def _read_all(stream: anyio.abc.SocketStream) -> str:
    """What the server sends until it closes the connection."""
    received = b""
    with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
        while True:
            received += await stream.receive()
    return received.decode()


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_is_too_large_is_refused(tmp_path: Path, path: str) -> None:
    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    async with serving(tmp_path, body_bytes=1_000) as (url, _), httpx.AsyncClient(base_url=url) as client:
        for body in (b"x" * 2_000, pieces()):
            assert (await client.post(path, content=body, headers=HEADERS)).status_code == 413


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_does_not_end_in_time_is_refused_and_the_connection_closed(
    tmp_path: Path, path: str
) -> None:
    async with serving(tmp_path, body_seconds=SOON) as (url, _), await _connect(url) as stream:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        await stream.send(f"{head}Content-Length: 99\r\n\r\n{{".encode())
        assert "408 Request Timeout" in await _read_all(stream)


@both_parsers
@pytest.mark.parametrize("sent", ["", "GET /healthz HTTP/1.1\r\nHost: local"])
async def test_a_connection_without_a_whole_request_is_closed_in_time(tmp_path: Path, sent: str) -> None:
    async with serving(tmp_path, head_seconds=SOON) as (url, _), await _connect(url) as stream:
        await stream.send(sent.encode())
        assert await _read_all(stream) == ""


@both_parsers
async def test_the_second_request_of_a_connection_has_the_same_time(tmp_path: Path) -> None:
    async with serving(tmp_path, head_seconds=SOON) as (url, _), await _connect(url) as stream:
        await stream.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"alive" in await stream.receive()
        await stream.send(b"GET /hea")
        assert await _read_all(stream) == ""


@both_parsers
async def test_headers_that_are_too_large_are_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, head_bytes=1_000) as (url, _), await _connect(url) as stream:
        await stream.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 2_000)
        assert "200" not in await _read_all(stream)


@both_parsers
async def test_blanks_around_the_value_of_a_header_are_not_a_part_of_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as (url, _), await _connect(url) as stream:
        await stream.send(b"GET /healthz HTTP/1.1\r\nHost: \t localhost \t \r\n\r\n")
        assert b"alive" in await stream.receive()


@both_parsers
async def test_beyond_the_number_of_connections_the_answer_is_503(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, connections=2) as (url, _),
        await _connect(url),
        httpx.AsyncClient(base_url=url) as client,
    ):
        assert (await client.get("/healthz")).status_code == 503


async def test_beyond_the_number_of_sessions_the_answer_is_503_until_one_ends(tmp_path: Path) -> None:
    async with serving(tmp_path, sessions=1) as (url, _), httpx.AsyncClient(base_url=url) as client:
        first = await client.post("/mcp", json=INITIALIZE, headers=HEADERS)
        assert (await client.post("/mcp", json=INITIALIZE, headers=HEADERS)).status_code == 503
        session = {"Mcp-Session-Id": first.headers["mcp-session-id"]}
        assert (await client.delete("/mcp", headers=HEADERS | session)).status_code == 200
        assert (await client.post("/mcp", json=INITIALIZE, headers=HEADERS)).status_code == 200


async def test_an_open_stream_ends_properly_when_the_server_stops(tmp_path: Path) -> None:
    async with serving(tmp_path) as (url, stopping), httpx.AsyncClient(base_url=url, timeout=60) as client:
        first = await client.post("/mcp", json=INITIALIZE, headers=HEADERS)
        session = {"Mcp-Session-Id": first.headers["mcp-session-id"]}
        async with client.stream("GET", "/mcp", headers=HEADERS | session) as stream:
            assert stream.status_code == 200
            stopping.set()
            assert await stream.aread() == b""
