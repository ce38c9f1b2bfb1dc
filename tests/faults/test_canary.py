"""A planted key and webhook secret, echoed by every fault, are never written, logged, raised or returned."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.errors import NotYetSent, Rejected
from apiframe_studio.ledger.errors import LedgerError
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.training import Training
from apiframe_studio.trainings import TrainingRequest

from ..studio.stepped_clock import SteppedClock
from .fault_server import FaultServer, answer, fault_server, read_request

KEY = "canary-key/with+odd=signs~0123456789"
SECRET = 'canary "secret" für/alle & 0123456789'
FORMS = {
    form
    for secret in (KEY, SECRET)
    for form in (secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1])
} | {"canary-key", 'canary "secret', "canary%20", 'canary \\"secret'}

Respond = Callable[[bytes], bytes]


def _message(text: str) -> bytes:
    return json.dumps({"errors": [{"msg": text}], "message": text, "error": text}).encode()


def _echo(body: bytes) -> bytes:
    """Echo the headers and the body of a request in every encoding that a careless service might use."""
    return f"You sent {KEY} and {body.decode()} and {quote(SECRET)} and {SECRET} with {quote(KEY, safe='')}".encode()


ECHOES: dict[str, Respond] = {
    "rejected in JSON": lambda body: answer("400 Bad Request", _message(_echo(body).decode())),
    "key rejected": lambda _: answer("401 Unauthorized", _message(KEY)),
    "rejected with the request body": lambda body: answer("422 Unprocessable", body),
    "server error page": lambda body: answer("500 Oops", b"<pre>" + _echo(body) + b"</pre>"),
    "accepted, truncated within a secret": lambda _: answer(
        "200 OK", b'{"echo":"' + KEY[:-4].encode(), length=9_000
    ),
    "accepted without an id": lambda body: answer("200 OK", _message(_echo(body).decode())),
    "accepted, truncated after the id": lambda _: answer(
        "200 OK", b'{"task_id":"train-0123456789","key":"' + KEY.encode(), length=9_000
    ),
    "throttled": lambda body: answer("429 Slow down", _message(_echo(body).decode()), retry_after="3600"),
    "in the reason phrase": lambda _: f"HTTP/1.1 500 {KEY}\r\ncontent-length: 0\r\n\r\n".encode(),
    "in headers": lambda _: answer("500 Oops", b"{}", x_request_id=KEY, set_cookie=f"key={KEY}"),
    "in a redirect": lambda _: answer("307 Temporary Redirect", location=f"/{quote(KEY)}?k={KEY}"),
    "accepted": lambda _: answer("200 OK", {"task_id": "train-0123456789", "message": KEY}),
}


def bytes_written(folder: Path) -> bytes:
    return b"\n".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def assert_no_canary(where: str, text: str) -> None:
    assert [form for form in FORMS if form in text] == [], where


@pytest.mark.parametrize("echo", ECHOES)
async def test_an_echoed_secret_never_appears(
    echo: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    def fault(connection: socket.socket, server: FaultServer) -> None:
        read_request(connection, server)
        connection.sendall(ECHOES[echo](server.requests[-1].body))

    texts: list[str] = []
    with fault_server("echo", faults={"echo": fault}) as server, anyio.fail_after(60):
        plan = StudioConfig(
            tmp_path / "data" / "ledger.sqlite3",
            server.base_url,
            SecretStr(KEY),
        )
        studio = Studio(plan, SteppedClock())
        request = TrainingRequest(
            "images-1",
            "TOKSIS",
            webhook_url="https://example.com/h",
            webhook_secret=SecretStr(SECRET),
        )
        for _ in range(2):
            texts += await _all_results(studio, request)
        await studio.aclose()
    assert SECRET in str(server.posts[0].json())
    texts += [repr(plan), repr(request), str(studio), *capfd.readouterr()]
    for text in texts:
        assert_no_canary("returned or raised", text)
    assert_no_canary("logged", caplog.text)
    assert_no_canary("written", bytes_written(tmp_path).decode("utf-8", errors="replace"))


async def _all_results(studio: Studio, request: TrainingRequest) -> list[str]:
    texts: list[str] = []
    try:
        training: Training | None = await studio.trainings.start(request)
        texts.append(repr(training))
    except (NotYetSent, Rejected) as error:
        texts += [
            repr(error),
            str(error),
            repr(error.cause),
            str(error.cause),
            repr(error.row),
            repr(vars(error)),
        ]
    texts.append(repr(await studio.trainings.list()))
    return texts


async def test_an_id_that_cannot_be_stored_is_returned_and_logged_without_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a last resort the id, and nothing else, is written to the log."""
    with fault_server("accepted") as server, anyio.fail_after(60):
        studio = Studio(
            StudioConfig(tmp_path / "ledger.sqlite3", server.base_url, SecretStr(KEY)), SteppedClock()
        )
        await studio.ledger.find("any", studio.clock.now())

        async def full(*_: object) -> None:
            raise LedgerError(studio.ledger.path, "no space")

        monkeypatch.setattr(studio.ledger, "record_response", full)
        monkeypatch.setattr(studio.ledger, "spool", full)
        training = await studio.trainings.start(TrainingRequest("images-1", webhook_secret=SecretStr(SECRET)))
        await studio.aclose()
    assert training.task_id == "train-0123456789"
    assert "id_only_here" in training.notes
    assert "train-0123456789" in caplog.text
    assert_no_canary("logged", caplog.text)
