"""An ASGI middleware that writes each exchange of a test with the sandbox of v2 to a file, for `make contract`."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER: Final = Path(os.environ.get("APIFRAME_CONTRACT_LOG") or Path(__file__).parents[1] / ".cache/contract")
_HIDDEN: Final = ("x-api-key", "authorization")

_is_invalid: ContextVar[bool] = ContextVar("_is_invalid", default=False)
_files: dict[Path, IO[str]] = {}


@contextmanager
def deliberately_invalid() -> Generator[None, None, None]:
    """Mark the requests of the block: the document does not allow them, and the service rejects them."""
    token = _is_invalid.set(True)
    try:
        yield
    finally:
        _is_invalid.reset(token)


class ExchangeLog:
    """Passes every request on, and writes those of the API with their responses. Keys are left out.

    A file holds the exchanges of one process since its start: `main.jsonl`, or that of a pytest-xdist worker.
    """

    def __init__(self, app: ASGIApp, folder: Path = FOLDER) -> None:
        self._app = app
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v2/"):
            await self._app(scope, receive, send)
            return
        body, response = bytearray(), bytearray()
        start: dict[str, Any] = {}
        is_whole = False

        async def receive_and_keep() -> Message:
            nonlocal is_whole
            message = await receive()
            body.extend(message.get("body", b""))
            is_whole |= message["type"] == "http.request" and not message.get("more_body", False)
            return message

        async def send_and_keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            response.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, receive_and_keep, send_and_keep)
        # The app may have responded without reading the body.
        while not is_whole and (await receive_and_keep())["type"] == "http.request":
            pass
        if start:
            self._write(scope, bytes(body), is_whole, start, bytes(response))

    def _write(
        self, scope: Scope, body: bytes, is_whole: bool, start: dict[str, Any], response: bytes
    ) -> None:
        is_invalid = _is_invalid.get()
        exchange = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": _decode(scope["headers"]),
            "body": "" if is_invalid else body.decode("latin-1"),
            "is_invalid": is_invalid,
            "is_whole": is_whole,
            "status": start["status"],
            "response_headers": _decode(start["headers"]),
            "response": response.decode("latin-1"),
        }
        file = _open(self._folder)
        file.write(json.dumps(exchange) + "\n")
        file.flush()


def _decode(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    texts = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    return {name: "hidden" if name in _HIDDEN else value for name, value in texts.items()}


def _open(folder: Path) -> IO[str]:
    if folder not in _files:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.jsonl"
        _files[folder] = path.open("w", encoding="utf-8")
    return _files[folder]
