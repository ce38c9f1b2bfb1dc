"""Decoder processes in forks: a real start imports for a quarter of a second, and loads the face model in another."""

from __future__ import annotations

import os
import sys
from functools import cache

from anyio.abc import Process

from .processes import ForkServer


async def open_process() -> Process:
    """Start a decoder, instead of `decoders._open_process`."""
    return _server().fork({})


@cache
def _server() -> ForkServer:
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return ForkServer("tests.forking.decoder_fork_server", environment, "-S")
