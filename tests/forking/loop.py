"""The loop of a fork server: a process that has imported a program and forks for every start of it.

Each fork gets the pipes of its start, and ends as a separate program does.
"""

from __future__ import annotations

import gc
import io
import json
import os
import selectors
import socket
from pathlib import Path
from typing import Any, Literal

MAX_REQUEST_BYTES = 1_000_000


def serve_forks(requests: socket.socket) -> dict[str, Any] | None:
    """Fork for every request. Returns the request in the fork, and None in this process when the socket ends."""
    children: dict[int, tuple[int, int]] = {}
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork has only the thread that called it"
    gc.freeze()  # Otherwise the first collection in a fork would copy all of its memory.
    with selectors.DefaultSelector() as ready:
        ready.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is not requests:
                    pid, status = children.pop(key.fd)
                    ready.unregister(key.fd)
                    os.close(key.fd)
                    os.write(status, f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
                    os.close(status)
                    continue
                data, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST_BYTES, 4)
                if not data:
                    return None
                *stdio, status = descriptors
                pid = os.fork()
                if not pid:
                    requests.close()
                    os.close(status)
                    for pidfd, (_, other) in children.items():
                        os.close(pidfd)
                        os.close(other)
                    for number, descriptor in enumerate(stdio):
                        os.dup2(descriptor, number)
                        os.close(descriptor)
                    return dict(json.loads(data))
                for descriptor in stdio:
                    os.close(descriptor)
                pidfd = os.pidfd_open(pid)
                children[pidfd] = pid, status
                ready.register(pidfd, selectors.EVENT_READ)
                os.write(status, f"{pid}\n".encode())


def open_stream(descriptor: int, mode: Literal["rb", "wb"]) -> io.TextIOWrapper:
    """Open a standard stream as Python does with PYTHONUNBUFFERED."""
    errors = "backslashreplace" if descriptor == 2 else "strict"
    file = io.FileIO(descriptor, mode, closefd=False)
    raw: Any = io.BufferedReader(file) if mode == "rb" else file
    return io.TextIOWrapper(raw, "utf-8", errors, write_through=True)
