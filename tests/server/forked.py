"""Command lines of our program in forks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from ..forking.processes import ForkedProcess, ForkServer


def fork(arguments: Sequence[str], environment: Mapping[str, str], folder: Path | None) -> ForkedProcess:
    """Run a command line of our program in a fork."""
    return _server().fork(
        {"arguments": arguments, "environment": environment, "folder": str(folder or Path.cwd())}
    )


@cache
def _server() -> ForkServer:
    return ForkServer("tests.server.fork_server", os.environ)
