"""A process that has imported our program and forks for every command line: a start takes a tenth of a real one.

Each fork gets the arguments, environment, working directory and pipes of its start, and ends like a program of its
own. What a test must not share with others is started with `new_process=True`: what is imported, what is read before
`main`, and how the operating system starts a program.

Runs as `python -m`. Reads requests from the socket whose descriptor is its argument.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import socket
import sys

from tests.forking.loop import open_stream, serve_forks

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


def main() -> int:
    """Serve until the socket ends. In a fork, run the command line."""
    _import_everything()
    from apiframe_server import cli

    with socket.socket(fileno=int(sys.argv[1])) as requests:
        request = serve_forks(requests)
    if request is None:
        return 0
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv[1:] = request["arguments"]
    sys.stdin, sys.stdout, sys.stderr = open_stream(0, "rb"), open_stream(1, "wb"), open_stream(2, "wb")
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
