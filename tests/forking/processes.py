"""The tests' side of a fork server: its forks, used like processes of anyio."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import anyio
import anyio.abc

CAN_FORK = sys.platform == "linux"
_ROOT = Path(__file__).parents[2]
_SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1"}


class _Output(anyio.abc.ByteReceiveStream):
    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "rb", buffering=0)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        await anyio.wait_readable(self._file)
        data: bytes = self._file.read(max_bytes)
        if not data:
            raise anyio.EndOfStream
        return data

    async def aclose(self) -> None:
        self._file.close()


class _Input(anyio.abc.ByteSendStream):
    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    async def send(self, item: bytes) -> None:
        left = memoryview(item)
        while left:
            await anyio.wait_writable(self._file)
            try:
                left = left[self._file.write(left) or 0 :]
            except BrokenPipeError as error:
                raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        self._file.close()


class ForkedProcess(anyio.abc.Process):
    """A program that runs in a fork."""

    def __init__(self, stdin: int, stdout: int, stderr: int, status: int) -> None:
        self._stdin, self._stdout, self._stderr = _Input(stdin), _Output(stdout), _Output(stderr)
        self._status = os.fdopen(status, "rb", buffering=0)
        self._pid = int(self._status.readline())
        self._returncode: int | None = None

    async def wait(self) -> int:
        if self._returncode is None:
            await anyio.wait_readable(self._status)
            self._returncode = int(self._status.readline())
        return self._returncode

    def send_signal(self, signal: int) -> None:
        os.kill(self._pid, signal)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def aclose(self) -> None:
        with anyio.CancelScope(shield=True):
            await self.wait()
        for stream in (self._stdin, self._stdout, self._stderr):
            await stream.aclose()
        self._status.close()

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def returncode(self) -> int | None:
        return self._returncode

    @property
    def stdin(self) -> anyio.abc.ByteSendStream:
        return self._stdin

    @property
    def stdout(self) -> anyio.abc.ByteReceiveStream:
        return self._stdout

    @property
    def stderr(self) -> anyio.abc.ByteReceiveStream:
        return self._stderr


class ForkServer:
    """A module of ours that forks; it is started at the first fork and ends with this process."""

    def __init__(self, module: str, environment: Mapping[str, str], *options: str) -> None:
        self._command = [sys.executable, *options, "-m", module]
        self._environment = {**environment, **_SINGLE_THREADED}

    def fork(self, request: Mapping[str, Any]) -> ForkedProcess:
        """Run its program in a fork, which gets the request."""
        stdin, our_stdin = os.pipe()
        our_stdout, stdout = os.pipe()
        our_stderr, stderr = os.pipe()
        our_status, status = os.pipe()
        theirs = [stdin, stdout, stderr, status]
        socket.send_fds(self._requests, [json.dumps(request).encode()], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        return ForkedProcess(our_stdin, our_stdout, our_stderr, our_status)

    @cached_property
    def _requests(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [*self._command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=self._environment,
                cwd=_ROOT,
            )

        def end() -> None:
            ours.close()
            process.wait(60)

        atexit.register(end)
        return ours
