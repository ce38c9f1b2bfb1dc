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
"""Of one call, so that no client fails because a machine is slow."""


@dataclass(frozen=True)
class ShownResult:
    """What a client shows of a tool's result. `structured` is None if it shows no structured content.

    `images` is counted by the chat hosts only.
    """

    text: str
    structured: dict[str, Any] | None
    error: bool
    images: int = 0


class ClientEnded(Exception):
    """The client ended early; the text is the end of its stderr, or its exit code."""


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
        clock = threading.Timer(TIMEOUT_SECONDS, self._process.kill)
        clock.start()
        try:
            to_client.write(json.dumps({"tool": tool, "arguments": arguments}) + "\n")
            to_client.flush()
            line = from_client.readline()
        except BrokenPipeError:
            line = ""
        finally:
            clock.cancel()
        if not line:
            raise ClientEnded(self._last_errors())
        return ShownResult(**json.loads(line))

    def _last_errors(self) -> str:
        self._process.wait(10)
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip()[-2000:]
        return said or f"exit code {self._process.returncode}"


@contextmanager
def start_client(
    spec: ClientSpec, command: list[str], server: Path, api: str, photos: Path
) -> Iterator[Client]:
    """Start the client; its server plays `api`, may read `photos`, and keeps its ledger in a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="apiframe-interop-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(spec, _describe_start(server, Path(folder), api, photos), Path(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield Client(process, errors)
        finally:
            _end(process)


def _describe_start(server: Path, folder: Path, api: str, photos: Path) -> dict[str, Any]:
    settings = {
        "APIFRAME_API_VERSION": api,
        "APIFRAME_DATA_DIR": str(folder / "ledger"),
        "APIFRAME_OUTPUT_FOLDER": str(folder / "images"),
        "APIFRAME_PHOTO_FOLDERS": str(photos),
        "APIFRAME_SANDBOX_SECONDS": "2",
    }
    return {"command": str(server), "args": ["--sandbox"], "env": settings}


def _environment(spec: ClientSpec, start: dict[str, Any], folder: Path) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith("APIFRAME_")}
    return outer | {
        "INTEROP_SERVER": json.dumps(start),
        "INTEROP_PACKAGES": str(HOME / spec.environment / "package.json"),
        "HOME": str(folder),
        "MCPORTER_CALL_TIMEOUT": str(TIMEOUT_SECONDS * 1000),
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
