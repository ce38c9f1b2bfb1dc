"""A process that has imported our program and forks for every command line: a start takes a tenth of a real one.

Each fork gets the arguments, environment, working directory and pipes of its start, and ends like a program of its
own. What a test must not share with others is started with `new_process=True`: what is imported, what is read before
`main`, and how the operating system starts a program.

Runs as a script. Reads requests from the socket whose descriptor is its argument.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Literal

MAX_REQUEST_BYTES = 1_000_000
LOADED_BY_A_CALL = (
    "anyio._backends._asyncio",
    "h11",
    "httpcore",
    "mcp.server.stdio",
    "rich.markdown",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "uvicorn",
)


def _import_everything() -> None:
    """Import all modules of our packages, in the order and state in which the program does."""
    from apiframe_server.cli import _defer_model_building

    _defer_model_building()
    for name in LOADED_BY_A_CALL:
        importlib.import_module(name)
    for package in ("apiframe_server", "apiframe_tools", "apiframe_studio"):
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)


def _serve(requests: socket.socket) -> dict[str, Any] | None:
    """Fork for every request. Returns the request in the fork, and None in this process when the socket ends."""
    children: dict[int, tuple[int, int]] = {}
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


def _stream(descriptor: int, mode: Literal["rb", "wb"]) -> io.TextIOWrapper:
    """Open a standard stream as Python does with PYTHONUNBUFFERED."""
    errors = "backslashreplace" if descriptor == 2 else "strict"
    file = io.FileIO(descriptor, mode, closefd=False)
    raw: Any = io.BufferedReader(file) if mode == "rb" else file
    return io.TextIOWrapper(raw, "utf-8", errors, write_through=True)


def main() -> int:
    """Serve until the socket ends. In a fork, run the command line."""
    _import_everything()
    # A fork has only the thread that called it.
    assert len(list(Path("/proc/self/task").iterdir())) == 1
    gc.freeze()  # Otherwise the first collection in a fork would copy all of its memory.
    from apiframe_server import cli

    with socket.socket(fileno=int(sys.argv[1])) as requests:
        request = _serve(requests)
    if request is None:
        return 0
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv[1:] = request["arguments"]
    sys.stdin, sys.stdout, sys.stderr = _stream(0, "rb"), _stream(1, "wb"), _stream(2, "wb")
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
