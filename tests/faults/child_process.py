"""The tests' side of `fork_server`: jobs for child processes, and the loopback service that they pay."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from . import photo_jobs
from .fault_server import Fault, FaultServer, Recorded, answer, fault_server, read_request

CHILD = Path(__file__).with_name("fork_server.py")
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "fork_server", "version": "1"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@dataclass(frozen=True)
class Job:
    """What the children do: start a training of `photos` with a studio or through the whole server.

    `lines` are written to the child's stdin, and `answers` is the number of lines to read before it is closed.
    """

    ledger: str
    base_url: str
    photos: str
    strace: Sequence[str] = ()
    children: int = 1
    verb: str = "train"
    whole_server: bool = False
    lines: Sequence[dict[str, Any]] = ()
    answers: int = 1
    key: str = "v1-test-key-0123456789"


def through_the_server(ledger: Path, base_url: str, photos: str, calls: int = 1) -> Job:
    """Return a job for the whole server: `calls` calls of start_training in one session."""
    requests = [
        {
            "jsonrpc": "2.0",
            "id": number,
            "method": "tools/call",
            "params": {
                "name": "start_training",
                "arguments": {"training_images_id": photos, "trigger_word": "TOKSIS"},
            },
        }
        for number in range(2, 2 + calls)
    ]
    lines: list[dict[str, Any]] = [INITIALIZE, INITIALIZED, *requests]
    return Job(str(ledger), base_url, photos, whole_server=True, lines=lines, answers=1 + calls)


class ForkServer:
    """A running `fork_server`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    @contextmanager
    def open(cls, *arguments: str) -> Iterator[Self]:
        command = [sys.executable, str(CHILD), *arguments]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield cls(process)
            assert process.stdin is not None
            process.stdin.close()

    def run(self, job: Job) -> list[dict[str, Any]]:
        """Return for each child how it ended (an exit code, or minus a signal) and its JSON output lines."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the fork server itself has died"
        ends: list[dict[str, Any]] = json.loads(line)
        return ends


@dataclass
class PaidService:
    """A service that accepts every training with an id that names the photos."""

    server: FaultServer
    paid_at: str
    answer_to: Callable[[Recorded], bytes]
    _active: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @classmethod
    @contextmanager
    def open(
        cls, paid_at: str = "/ai-photo-train", answer_to: Callable[[Recorded], bytes] | None = None
    ) -> Iterator[Self]:
        holder: list[Self] = []

        def accepting(connection: socket.socket, server: FaultServer) -> None:
            holder[0]._serve(connection, server)

        faults: dict[str, Fault] = {"accepting": accepting}
        with fault_server("accepting", faults=faults) as server:
            holder.append(cls(server, paid_at, answer_to or _answer_to))
            yield holder[0]

    @property
    def base_url(self) -> str:
        return self.server.base_url

    def trainings(self) -> list[Recorded]:
        """Return the paid requests that arrived, complete or not, once all open connections are served."""
        host, port = self.base_url.removeprefix("http://").split(":")
        # Connections are accepted in order: once this one is served, every earlier one has its thread.
        with socket.create_connection((host, int(port)), timeout=60) as last:
            last.sendall(b"GET /last HTTP/1.1\r\n\r\n")
            while last.recv(65536):
                pass
        with self._changed:
            assert self._changed.wait_for(lambda: self._active == 0, timeout=60)
        return [request for request in self.server.posts if request.target == self.paid_at]

    def _serve(self, connection: socket.socket, server: FaultServer) -> None:
        with self._changed:
            self._active += 1
        try:
            read_request(connection, server)
            connection.sendall(self.answer_to(server.requests[-1]))
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()


def id_for(photos: str) -> str:
    """Return the id with which the service accepts a training of these photos."""
    return f"train-{photos}"


def whole(request: Recorded) -> bool:
    """Return whether a request arrived completely: only then does a service accept it."""
    return len(request.body) == int(request.headers.get("content-length", "0"))


def strace_is_missing() -> str | None:
    """Return why strace cannot be used here, or None."""
    if not sys.platform.startswith("linux"):
        return "strace needs Linux"
    if shutil.which("strace") is None:
        return "strace is not installed"
    target = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    assert target.stdin is not None
    probe = subprocess.Popen(
        ["strace", "-e", "trace=none", "-p", str(target.pid)], stderr=subprocess.PIPE, text=True
    )
    assert probe.stderr is not None
    attached = "attached" in probe.stderr.readline()
    target.stdin.close()
    target.wait(60)
    probe.communicate(timeout=60)
    return None if attached else "strace is not allowed to attach to a process"


def injected(trace: Path) -> bool:
    """Return whether a trace shows that the fault was injected."""
    return re.search(r"\(INJECTED\)", trace.read_text(errors="replace")) is not None


def _answer_to(request: Recorded) -> bytes:
    if request.target == photo_jobs.IMAGE_PATH:
        return answer("200 OK", photo_jobs.PNG, content_type="image/png")
    if request.method != "POST" or not whole(request):
        return answer("200 OK", {})
    body = request.json()
    assert isinstance(body, dict)
    if request.target == "/ai-photo-train":
        return answer("200 OK", {"task_id": id_for(body["training_images_id"])})
    if request.target in ("/ai-photo-upload", "/ai-photo-generate"):
        return answer("200 OK", {"task_id": photo_jobs.TASK_IDS[request.target]})
    if known := photo_jobs.TASKS.get(body.get("task_id", ""), {}):
        links = [f"http://{request.headers['host']}{link}" for link in known.get("image_urls", ())]
        return answer("200 OK", {**known, **({"image_urls": links} if links else {})})
    if request.target == "/fetch-many":
        return answer("200 OK", {"tasks": [_running(task_id) for task_id in body["task_ids"]]})
    return answer("200 OK", _running(body["task_id"]))


def _running(task_id: str) -> dict[str, str]:
    return {"task_id": task_id, "status": "processing", "message": "Training is in progress"}
