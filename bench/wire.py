"""A minimal MCP client: starts a server, writes lines of JSON and reads lines of JSON, without a client library."""

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
    """From start to the result of tools/list: wall clock and CPU in milliseconds, and the resident memory then."""

    milliseconds: float
    cpu_milliseconds: float
    megabytes: float


def build_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a measured process, in which bytecode is written during the warm-up.

    The installed SDK has its bytecode. Without ours, each start would compile all our modules and the bare server none.
    """
    return {name: value for name, value in os.environ.items() if name != _NO_BYTECODE} | dict(settings)


class Server:
    """A server process and the messages exchanged with it."""

    def __init__(self, command: Sequence[str], settings: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=build_environment(settings or {}),
        )
        self._next_id = 0
        self._responses: dict[int, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        self.request(
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
        """Send a request and return its id, for `receive`."""
        self._next_id += 1
        self._write({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params or {}})
        return self._next_id

    def receive(self, request_id: int) -> dict[str, Any]:
        """Return the response to one request. Responses to others that arrive first are kept."""
        while request_id not in self._responses:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            if not line:
                raise RuntimeError("the server ended")
            message = json.loads(line)
            if "id" in message and "method" not in message:
                self._responses[message["id"]] = message
        return self._responses.pop(request_id)

    def request(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return its response."""
        return self.receive(self.send(method, params))

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return the fields of its result.

        Raises:
            RuntimeError: the tool reported an error.
        """
        return read_content(self.request("tools/call", {"name": tool, "arguments": arguments}))

    @property
    def process_id(self) -> int:
        """The id of the server's process."""
        return self._process.pid

    def children(self) -> list[int]:
        """Return the ids of the processes that the server started."""
        try:
            tasks = list(Path(f"/proc/{self._process.pid}/task").iterdir())
            return [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:
            return []

    def megabytes(self) -> float:
        """Return the resident memory."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far, user and system."""
        fields = (
            Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()


def read_content(response: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the result in the response to a tool call.

    Raises:
        RuntimeError: the tool reported an error.
    """
    result = response.get("result", {})
    if "error" in response or result.get("isError"):
        raise RuntimeError(json.dumps(response)[:500])
    content = result.get("structuredContent") or result.get("_meta", {}).get("apiframe/result")
    return dict(content) if isinstance(content, dict) else {}


def measure_start_to_list(command: Sequence[str], settings: Mapping[str, str]) -> Start:
    """Start a server, list its tools once and stop it."""
    started = time.perf_counter()
    with Server(command, settings) as server:
        server.request("tools/list")
        wall = (time.perf_counter() - started) * 1000
        return Start(wall, server.cpu_seconds() * 1000, server.megabytes())
