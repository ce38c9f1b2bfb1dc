"""A loopback server that fails in one named way: the faults that networks and services have.

::

    with fault_server("reset_after_request") as server:
        server.base_url   # the address to call
        server.posts      # the POST requests that arrived, in order

With several names, each connection gets the next fault; the last one is repeated.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache

_ACCEPTED_ID = "train-0123456789"
ACCEPTED = {"task_id": _ACCEPTED_ID, "id": _ACCEPTED_ID, "jobId": _ACCEPTED_ID}
"""What v1 calls task_id is the id of a training or the jobId of a generation in v2."""
MAX_SECONDS = 10.0
DRIP_SECONDS = 0.02


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived, possibly with an incomplete body."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Return the parsed body."""
        return json.loads(self.body)


@dataclass
class FaultServer:
    """The server's address and what it received."""

    base_url: str
    requests: list[Recorded] = field(default_factory=list[Recorded])
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    on_request: Callable[[Recorded], object] = lambda _: None
    """Called with each request that arrived completely, before the fault."""

    @property
    def posts(self) -> list[Recorded]:
        """The POST requests that arrived."""
        return [request for request in self.requests if request.method == "POST"]


Fault = Callable[[socket.socket, FaultServer], None]


@contextmanager
def fault_server(*names: str, faults: Mapping[str, Fault] | None = None) -> Iterator[FaultServer]:
    """Serve the named faults until the block ends. `faults` adds faults of the test."""
    if names in ADDRESSES:
        with ADDRESSES[names]() as base_url:
            yield FaultServer(base_url)
        return
    known = {**FAULTS, **(faults or {})}
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as ends:
        scheme = "https" if names == ("tls_to_a_plain_port",) else "http"
        server = FaultServer(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
        accepting = threading.Thread(target=_accept, args=(listener, server, [known[name] for name in names]))
        accepting.start()
        ends.callback(accepting.join, MAX_SECONDS)
        ends.callback(_wake, listener)
        ends.callback(server.over.set)
        yield server


def _wake(listener: socket.socket) -> None:
    # Closing a socket does not interrupt accept() in another thread, but a last connection does.
    with suppress(OSError):
        socket.create_connection(listener.getsockname(), timeout=1).close()


def _accept(listener: socket.socket, server: FaultServer, faults: list[Fault]) -> None:
    threads: list[threading.Thread] = []
    open_sockets: list[socket.socket] = []
    while True:
        connection, _ = listener.accept()
        if server.over.is_set():
            connection.close()
            break
        fault = faults[min(server.connections, len(faults) - 1)]
        server.connections += 1
        connection.settimeout(MAX_SECONDS)
        open_sockets.append(connection)
        threads.append(threading.Thread(target=_serve, args=(connection, server, fault)))
        threads[-1].start()
    for connection in open_sockets:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(MAX_SECONDS)


def _serve(connection: socket.socket, server: FaultServer, fault: Fault) -> None:
    with connection, suppress(OSError):
        fault(connection, server)


# -- reading -----------------------------------------------------------------------------------------------


def read_request(connection: socket.socket, server: FaultServer) -> None:
    """Read one whole request and record it."""
    head, _, body = _read_until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")
    request = _recorded(head, b"")
    length = int(request.headers.get("content-length", "0"))
    while len(body) < length and (chunk := connection.recv(65536)):
        body += chunk
    server.requests.append(_recorded(head, body))
    if len(body) == length:
        server.on_request(server.requests[-1])


def read_part_of_request(connection: socket.socket, server: FaultServer) -> None:
    """Read and record the head of a request and leave the rest unread."""
    head, _, body = _read_until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")
    server.requests.append(_recorded(head, body))


def _read_until(connection: socket.socket, end: bytes) -> bytes:
    read = b""
    while end not in read:
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionError("closed before a whole head")
        read += chunk
    return read


def _recorded(head: bytes, body: bytes) -> Recorded:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.split(":", 1) for line in lines)
    return Recorded(method, target, {name.lower(): value.strip() for name, value in pairs}, body)


# -- responding --------------------------------------------------------------------------------------------


def answer(status: str, body: object = b"", *, length: int | None = None, **headers: str) -> bytes:
    """Return an HTTP response. `body` is bytes or becomes JSON, `length` replaces its length, `_` becomes `-`."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {
        "content-length": str(len(content) if length is None else length),
        "connection": "close",
        **headers,
    }
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1") + content


def replying(data: bytes) -> Fault:
    """Return a fault that reads the request, sends `data` and closes."""

    def fault(connection: socket.socket, server: FaultServer) -> None:
        read_request(connection, server)
        connection.sendall(data)

    return fault


def dripping(first: bytes, drop: bytes) -> Fault:
    """Return a fault that reads the request, sends `first` and then `drop` repeatedly without an end."""

    def fault(connection: socket.socket, server: FaultServer) -> None:
        read_request(connection, server)
        connection.sendall(first)
        while not server.over.wait(DRIP_SECONDS):
            connection.sendall(drop)

    return fault


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _plain_answer_to_anything(connection: socket.socket, _server: FaultServer) -> None:
    connection.recv(65536)
    connection.sendall(answer("400 Bad Request"))


def _closed_after_accept(connection: socket.socket, _server: FaultServer) -> None:
    _wait_for_first_byte(connection)
    connection.close()


def _reset_after_accept(connection: socket.socket, _server: FaultServer) -> None:
    _wait_for_first_byte(connection)
    reset(connection)


def _wait_for_first_byte(connection: socket.socket) -> None:
    # Closing earlier is a race: the client may still be connecting, and then nothing was sent.
    connection.recv(1, socket.MSG_PEEK)


def reset_at_once(connection: socket.socket, _server: FaultServer) -> None:
    """Reset as soon as the connection is accepted. What the client sees depends on timing."""
    reset(connection)


def _closed_after_part(connection: socket.socket, server: FaultServer) -> None:
    read_part_of_request(connection, server)


def _reset_after_part(connection: socket.socket, server: FaultServer) -> None:
    read_part_of_request(connection, server)
    reset(connection)


def _closed_after_request(connection: socket.socket, server: FaultServer) -> None:
    read_request(connection, server)


def _reset_after_request(connection: socket.socket, server: FaultServer) -> None:
    read_request(connection, server)
    reset(connection)


def _silent(connection: socket.socket, server: FaultServer) -> None:
    read_request(connection, server)
    server.over.wait(MAX_SECONDS)


def _never_reads(_connection: socket.socket, server: FaultServer) -> None:
    server.over.wait(MAX_SECONDS)


def _refused_while_sending(connection: socket.socket, server: FaultServer) -> None:
    read_part_of_request(connection, server)
    connection.sendall(answer("413 Payload Too Large", {"message": "Too large"}))
    while connection.recv(65536):
        pass


def _gzip_bomb(connection: socket.socket, server: FaultServer) -> None:
    bomb = _gzip_of_100_mb()
    read_request(connection, server)
    connection.sendall(answer("200 OK", bomb, content_encoding="gzip"))


@cache
def _gzip_of_100_mb() -> bytes:
    """Return 100 MB of zeros as gzip, cached because compressing takes longer than a client waits on a busy machine."""
    return gzip.compress(bytes(100 * 2**20), 1)


def _chunked(*chunks: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


_ID = json.dumps(ACCEPTED).encode()
_NOW = datetime(2025, 2, 21, tzinfo=UTC)
_PAGE = b"<!doctype html><title>Bad gateway</title>"

FAULTS: dict[str, Fault] = {
    "accepted": replying(answer("200 OK", ACCEPTED)),
    "tls_to_a_plain_port": _plain_answer_to_anything,
    "closed_after_accept": _closed_after_accept,
    "closed_after_part_of_request": _closed_after_part,
    "closed_after_request": _closed_after_request,
    "reset_after_accept": _reset_after_accept,
    "reset_after_part_of_request": _reset_after_part,
    "reset_after_request": _reset_after_request,
    "partial_status_line": replying(b"HTTP/1.1 20"),
    "partial_headers": replying(b"HTTP/1.1 200 OK\r\ncontent-le"),
    "huge_header": replying(answer("200 OK", ACCEPTED, x_noise="n" * 200_000)),
    "not_http": replying(b"220 mail.example ESMTP\r\n"),
    "truncated_body_with_id": replying(answer("200 OK", _ID[:-1], length=500)),
    "truncated_body_without_id": replying(answer("200 OK", b'{"task_id":"train-01234', length=500)),
    "truncated_chunk_with_id": replying(_chunked(_ID) + b"f0\r\n{"),
    "truncated_chunk_without_id": replying(_chunked(b'{"task_id":') + b"f0\r\n{"),
    "silent": _silent,
    "never_reads": _never_reads,
    "refused_while_sending": _refused_while_sending,
    "slow_loris_headers": dripping(b"HTTP/1.1 200 OK\r\n", b"x-drop: 1\r\n"),
    "slow_loris_body": dripping(answer("200 OK", b'{"task_id":', length=5_000), b" "),
    "slow_loris_body_with_id": dripping(answer("200 OK", _ID[:-1], length=5_000), b" "),
    "early_hints_without_end": dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "bad_gzip": replying(answer("200 OK", b"\x1f\x8b not gzip", content_encoding="gzip")),
    "good_gzip": replying(answer("200 OK", gzip.compress(_ID), content_encoding="gzip")),
    "gzip_bomb": _gzip_bomb,
    "endless_body": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b'{"a":[' + b"1," * 200_000),
    "html_200": replying(answer("200 OK", b"<html><body>Welcome</body></html>")),
    "empty_200": replying(answer("200 OK")),
    "list_200": replying(answer("200 OK", [ACCEPTED])),
    "no_id_200": replying(answer("200 OK", {"status": "ok"})),
    "no_content_204": replying(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "switching_101": replying(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    "redirect_307": replying(answer("307 Temporary Redirect", location="/elsewhere")),
    "redirect_301": replying(answer("301 Moved Permanently", location="/elsewhere")),
    "redirect_to_no_url": replying(answer("307 Temporary Redirect", location="http://[::1")),
    "redirect_to_data": replying(answer("308 Permanent Redirect", location="data:image/png;base64,AAAA")),
    "redirect_to_no_name": replying(answer("302 Found", location="https://xn--zzzzzzzzz.example/")),
    **{
        f"status_{status}": replying(answer(f"{status} Status", {"errors": [{"msg": "Invalid request"}]}))
        for status in (400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 418, 422, 425, 500, 502, 503, 504)
    },
    "bare_401": replying(answer("401 Unauthorized", {})),
    "html_502": replying(answer("502 Bad Gateway", _PAGE)),
    "truncated_400": replying(answer("400 Bad Request", b'{"errors":[', length=500)),
    "throttled": replying(answer("429 Too Many Requests", {"message": "Slow down"})),
    "throttled_for_seconds": replying(answer("429 Too Many Requests", retry_after="7")),
    "throttled_until_date": replying(
        answer(
            "429 Too Many Requests",
            date=format_datetime(_NOW, usegmt=True),
            retry_after=format_datetime(_NOW + timedelta(seconds=9), usegmt=True),
        )
    ),
    "throttled_with_junk": replying(answer("429 Too Many Requests", retry_after="soon")),
    "throttled_hugely": replying(answer("429 Too Many Requests", retry_after="9" * 30)),
}
"""Faults of a listening server."""


@contextmanager
def _refused() -> Iterator[str]:
    # Bound but not listening: the port stays reserved, and every connection to it is refused.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def _unknown_name() -> Iterator[str]:
    yield "https://no-such-host.invalid"


@contextmanager
def _full_accept_queue() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as ends:
        for _ in range(8):
            waiting = ends.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


ADDRESSES: dict[tuple[str, ...], Callable[[], AbstractContextManager[str]]] = {
    ("refused",): _refused,
    ("unknown_name",): _unknown_name,
    ("full_accept_queue",): _full_accept_queue,
}
"""Faults of an address that accepts no connection."""
