"""The two streams of the stdio transport."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, JSONRPCResponse

from apiframe_server.pending_calls import PendingCalls
from apiframe_server.streams import Incoming, Outgoing

from .program import COMMAND, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    Pipe = tuple[BinaryIO, BinaryIO]

PING = JSONRPCRequest(jsonrpc="2.0", id=1, method="ping")


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb") as output:
        yield source, output


async def test_a_client_is_answered_while_all_shared_threads_are_busy(pipe: Pipe) -> None:
    source, output = pipe
    calls = PendingCalls()
    outgoing = Outgoing(output, calls)
    incoming = Incoming(source, outgoing, calls)
    limiter = anyio.to_thread.current_default_thread_limiter()
    takers = [object() for _ in range(int(limiter.total_tokens))]
    for taker in takers:
        limiter.acquire_on_behalf_of_nowait(taker)
    try:
        with anyio.fail_after(60):
            await outgoing.send(SessionMessage(PING))
            assert (await incoming.receive()).message == PING
    finally:
        for taker in takers:
            limiter.release_on_behalf_of(taker)


async def test_a_result_that_cannot_be_serialized_does_not_close_the_connection(pipe: Pipe) -> None:
    source, output = pipe
    outgoing = Outgoing(output, PendingCalls())
    await outgoing.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=7, result={"name": "\ud83d"})))
    response = json.loads(source.readline())
    assert (response["id"], response["error"]["code"]) == (7, -32603)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a shell that closes descriptors is needed")
@pytest.mark.parametrize(("closed", "code"), [("<&-", 2), (">&-", 2), ("2>&-", 0)])
def test_a_closed_stream_is_reported_and_never_another_file(tmp_path: Path, closed: str, code: int) -> None:
    line = PING.model_dump_json(exclude_unset=True)
    shell = f'echo "$LINE" | "$@" --sandbox {closed}'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *COMMAND],
        env=environment(tmp_path) | {"LINE": line},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    if code:
        assert (
            done.stderr
            == "apiframe-photo-mcp: stdin and stdout must be open: an MCP client uses them for its messages.\n"
        )
    else:
        assert json.loads(done.stdout) == {"jsonrpc": "2.0", "id": 1, "result": {}}


async def test_a_disconnected_client_is_distinguished_from_an_error(pipe: Pipe) -> None:
    source, output = pipe
    source.close()
    with pytest.raises(anyio.BrokenResourceError):
        await Outgoing(output, PendingCalls()).send(SessionMessage(PING))
    with pytest.raises(BrokenPipeError):  # What could not be written would be tried again when it is closed.
        output.close()
