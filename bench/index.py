"""A package index on this machine that sends its wheels no faster than a given line (PEP 503 and 658)."""

from __future__ import annotations

import hashlib
import re
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

PAGE_BYTES: Final = 96_000
"""Mean size of a compressed page about one of our dependencies on the public index (52 pages, 5.0 MB, 2026-12-01).

It lists every release, ours one. Without the padding a page would have a hundredth of the size.
"""
ROUND_TRIP_SECONDS: Final = 0.03
KEPT_SECONDS: Final = 600
"""For how long the public index lets a client use a page without asking again."""
_CHUNK: Final = 8192


class Line:
    """A line that all connections share. `sent` counts the bytes."""

    def __init__(self, bytes_per_second: float) -> None:
        self.sent = 0
        self._rate = bytes_per_second
        self._free_at = 0.0
        self._lock = threading.Lock()

    def wait_for(self, size: int) -> None:
        """Wait until so many more bytes have passed."""
        with self._lock:
            self.sent += size
            self._free_at = max(self._free_at, time.monotonic()) + size / self._rate
            free_at = self._free_at
        time.sleep(max(0.0, free_at - time.monotonic()))


@contextmanager
def serve_wheels(folder: Path, line: Line, kept_seconds: int = KEPT_SECONDS) -> Iterator[str]:
    """Serve the wheels of a folder and yield the address of the index."""
    wheels = {path.name: path for path in folder.glob("*.whl")}

    class Handler(_Handler):
        kept = kept_seconds

        def respond(self) -> bytes | None:
            _, kind, name, *_ = [*self.path.split("/"), "", ""]
            return _list_wheels(name, wheels) if kind == "simple" else _read_file(name, wheels)

        def wait_for(self, size: int) -> None:
            line.wait_for(size)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def read_metadata(wheel: Path) -> bytes:
    """Return the METADATA file of a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return opened.read(name)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kept: int

    def respond(self) -> bytes | None:
        raise NotImplementedError

    def wait_for(self, size: int) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        body = self.respond()
        time.sleep(ROUND_TRIP_SECONDS)
        self.send_response(200 if body is not None else 404)
        self.send_header(
            "Content-Type", "text/html" if "/simple/" in self.path else "application/octet-stream"
        )
        self.send_header("Content-Length", str(len(body or b"")))
        self.send_header("Cache-Control", f"max-age={self.kept}, public")
        self.end_headers()
        with suppress(ConnectionError):  # The client may have enough, or have been stopped.
            for start in range(0, len(body or b""), _CHUNK):
                chunk = (body or b"")[start : start + _CHUNK]
                self.wait_for(len(chunk))
                self.wfile.write(chunk)

    def log_message(self, *_: object) -> None:
        pass


def _list_wheels(name: str, wheels: Mapping[str, Path]) -> bytes | None:
    links = [
        f'<a href="/files/{file}#sha256={_hash(path.read_bytes())}" '
        f'data-core-metadata="sha256={_hash(read_metadata(path))}">{file}</a>'
        for file, path in wheels.items()
        if re.sub(r"[-_.]+", "-", file.split("-")[0]).lower() == name
    ]
    page = f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()
    return page + b"<!--" + b"x" * (PAGE_BYTES - len(page)) + b"-->" if links else None


def _read_file(name: str, wheels: Mapping[str, Path]) -> bytes | None:
    wheel = wheels.get(name.removesuffix(".metadata"))
    if wheel is None:
        return None
    return read_metadata(wheel) if name.endswith(".metadata") else wheel.read_bytes()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
