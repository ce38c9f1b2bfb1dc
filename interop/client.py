"""Runs a client as a process that reads calls and writes results line by line."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from interop.clients import ClientSpec
from interop.environments import HOME

TIMEOUT_SECONDS: Final = 120


@dataclass(frozen=True)
class ShownResult:
    """What a client shows of a tool's result. `structured` is None if it shows no structured content."""

    text: str
    structured: dict[str, Any] | None
    error: bool


class ClientEnded(Exception):
    """The client ended early; the text is the end of its stderr."""


class Client:
    """Calls tools through one client."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors

    def call(self, tool: str, **arguments: Any) -> ShownResult:
        """Call one tool.

        Raises:
            ClientEnded: it crashed or timed out.
        """
        to_client, from_client = self._process.stdin, self._process.stdout
        if to_client is None or from_client is None:
            raise ClientEnded("started without pipes")
        try:
            to_client.write(json.dumps({"tool": tool, "arguments": arguments}) + "\n")
            to_client.flush()
            line = from_client.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ClientEnded(self._last_errors())
        return ShownResult(**json.loads(line))

    def _last_errors(self) -> str:
        self._process.wait(10)
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-2000:]


@contextmanager
def start_client(spec: ClientSpec, command: list[str], server: Path) -> Iterator[Client]:
    """Start the client; its server keeps its ledger in a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="apiframe-interop-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(spec, server, Path(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        clock = threading.Timer(TIMEOUT_SECONDS, process.kill)
        clock.start()
        try:
            yield Client(process, errors)
        finally:
            _end(process)
            clock.cancel()


def _environment(spec: ClientSpec, server: Path, folder: Path) -> dict[str, str]:
    settings = {"APIFRAME_DATA_DIR": str(folder / "ledger"), "APIFRAME_SANDBOX_SECONDS": "2"}
    start = {"command": str(server), "args": ["--sandbox"], "env": settings}
    outer = {name: value for name, value in os.environ.items() if not name.startswith("APIFRAME_")}
    return outer | {
        "INTEROP_SERVER": json.dumps(start),
        "INTEROP_PACKAGES": str(HOME / spec.environment / "package.json"),
        "HOME": str(folder),
        "MCP_USE_ANONYMIZED_TELEMETRY": "false",
        "OPENAI_API_KEY": "none",
    }


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
