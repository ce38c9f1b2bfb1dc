"""The raw wire: spawn a server, write lines of JSON, read lines of JSON. No client library between."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROTOCOL = "2025-11-25"
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True)
class Start:
    """From spawn to the answer of tools/list: wall clock and CPU in milliseconds, and resident memory then."""

    milliseconds: float
    cpu_milliseconds: float
    megabytes: float


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """What a measured process gets: bytecode is written in the warm-up, as it is on a user's machine.

    An installed SDK has its own. Without ours each start would compile all our modules and the bare server none.
    """
    return {name: value for name, value in os.environ.items() if name != _NO_BYTECODE} | dict(settings)


class Server:
    """A server process and the conversation with it."""

    def __init__(self, command: Sequence[str], settings: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(settings or {}),
        )
        self._next_id = 0
        self._kept: dict[int, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        self.ask(
            "initialize",
            {
                "protocolVersion": PROTOCOL,
                "capabilities": {},
                "clientInfo": {"name": "bench", "version": "1"},
            },
        )
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def send(self, method: str, params: Mapping[str, Any] | None = None) -> int:
        """Send a request and return its id; `answer` reads what came back."""
        self._next_id += 1
        self._write({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params or {}})
        return self._next_id

    def answer(self, request: int) -> dict[str, Any]:
        """The answer to one request; others that come first are kept."""
        while request not in self._kept:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            if not line:
                raise RuntimeError("the server ended")
            message = json.loads(line)
            if "id" in message and "method" not in message:
                self._kept[message["id"]] = message
        return self._kept.pop(request)

    def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        return self.answer(self.send(method, params))

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool; returns its structured content.

        Raises:
            RuntimeError: the tool reported an error.
        """
        return content_of(self.ask("tools/call", {"name": tool, "arguments": arguments}))

    @property
    def process_id(self) -> int:
        """The server's process."""
        return self._process.pid

    def children(self) -> list[int]:
        """The processes that the server started."""
        try:
            tasks = list(Path(f"/proc/{self._process.pid}/task").iterdir())
            return [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:
            return []

    def megabytes(self) -> float:
        """Resident memory."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")

    def cpu_seconds(self) -> float:
        """Processor time used so far, user and system."""
        fields = (
            Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()


def content_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The structured content of a tool's answer."""
    result = answer.get("result", {})
    if "error" in answer or result.get("isError"):
        raise RuntimeError(json.dumps(answer)[:500])
    found = result.get("structuredContent")
    return dict(found) if isinstance(found, dict) else {}


def start_to_list(command: Sequence[str], settings: Mapping[str, str]) -> Start:
    """Start a server, list its tools once and end it."""
    began = time.perf_counter()
    with Server(command, settings) as server:
        server.ask("tools/list")
        wall = (time.perf_counter() - began) * 1000
        return Start(wall, server.cpu_seconds() * 1000, server.megabytes())
