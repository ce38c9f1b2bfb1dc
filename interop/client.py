"""A client as a process that is told what to call, line by line."""

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

from interop.environments import HOME
from interop.roster import Entrant

PATIENCE_SECONDS: Final = 120


@dataclass(frozen=True)
class Seen:
    """What a client shows of a tool's result. `structured` is None where it shows none."""

    text: str
    structured: dict[str, Any] | None
    error: bool


class ClientEnded(Exception):
    """The client went away; the text is the end of what it said."""


class Client:
    """Calls tools through one client."""

    def __init__(self, process: subprocess.Popen[str], said: IO[bytes]) -> None:
        self._process = process
        self._said = said

    def call(self, tool: str, **arguments: Any) -> Seen:
        """Call one tool.

        Raises:
            ClientEnded: it crashed, or took longer than a client may.
        """
        to_client, from_client = self._process.stdin, self._process.stdout
        if to_client is None or from_client is None:
            raise ClientEnded("it was started without pipes")
        try:
            to_client.write(json.dumps({"tool": tool, "arguments": arguments}) + "\n")
            to_client.flush()
            line = from_client.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ClientEnded(self._last_words())
        return Seen(**json.loads(line))

    def _last_words(self) -> str:
        self._process.wait(10)
        self._said.seek(0)
        return self._said.read().decode(errors="replace").strip()[-2000:]


@contextmanager
def started(entrant: Entrant, command: list[str], server: Path) -> Iterator[Client]:
    """The client as a process; its server keeps its ledger in a folder that goes away afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="apiframe-interop-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command,
            cwd=folder,
            env=_surroundings(entrant, server, Path(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        clock = threading.Timer(PATIENCE_SECONDS, process.kill)
        clock.start()
        try:
            yield Client(process, said)
        finally:
            _end(process)
            clock.cancel()


def _surroundings(entrant: Entrant, server: Path, folder: Path) -> dict[str, str]:
    settings = {"APIFRAME_DATA_DIR": str(folder / "ledger"), "APIFRAME_SANDBOX_SECONDS": "2"}
    start = {"command": str(server), "args": ["--sandbox"], "env": settings}
    outer = {name: value for name, value in os.environ.items() if not name.startswith("APIFRAME_")}
    return outer | {
        "INTEROP_SERVER": json.dumps(start),
        "INTEROP_PACKAGES": str(HOME / entrant.environment / "package.json"),
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
