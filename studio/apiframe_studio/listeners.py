"""Sockets that listen on this machine, opened before a server starts, so that its printed URL can be called at once."""

from __future__ import annotations

import socket
import sys


def listen(host: str, port: int) -> socket.socket:
    """Listen on a port; 0 takes a free one. Raises OSError when it cannot be used."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def base_url_of(listener: socket.socket) -> str:
    """The URL at which a listener can be called."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
