"""The addresses on which the server may listen: those that only this machine reaches."""

from __future__ import annotations

import errno
import socket
from typing import Final

from apiframe_server.problems import ExitCode, Problem
from apiframe_studio.listeners import listen

ADDRESSES: Final = {
    "127.0.0.1": ("127.0.0.1",),
    "::1": ("::1",),
    "localhost": ("127.0.0.1", "::1"),
}
_NO_SUCH_ADDRESS: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def find_host_problem(host: str) -> Problem | None:
    """Why the server cannot listen on this host, or None."""
    if host in ADDRESSES:
        return None
    return Problem(
        ExitCode.USAGE,
        "--host must be an address that only this machine reaches: this server does not check who calls it yet, and "
        "a caller can spend your credits and read your photos.",
        f"Use one of {', '.join(ADDRESSES)}.",
    )


def listen_on(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of a host, on one port; 0 takes a free one. Raises OSError when it cannot be used."""
    first, *others = ADDRESSES[host]
    listeners = [listen(first, port)]
    try:
        for address in others:
            listeners += _listen_if_there(address, listeners[0].getsockname()[1])
    except OSError:
        listeners[0].close()
        raise
    return listeners


def _listen_if_there(address: str, port: int) -> list[socket.socket]:
    try:
        return [listen(address, port)]
    except OSError as error:
        if error.errno in _NO_SUCH_ADDRESS or isinstance(error, socket.gaierror):
            return []
        raise
