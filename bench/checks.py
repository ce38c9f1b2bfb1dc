"""Twelve concurrent calls of check_photos, each on a separate folder: memory of all processes, and time."""

from __future__ import annotations

import shutil
import struct
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measures import OURS, Row
from bench.photos import resident_bytes, write_photos
from bench.wire import Server, read_content

CALLS = 12
PHOTOS_PER_CALL = 6
MAX_MEGABYTES = 600
CRAFTED_SIDE = 7_700
"""Pixels of a side: square photos of 59 megapixels, just under the limit, in a file of about 170 kB."""


@dataclass(frozen=True)
class Run:
    """Peak memory and child processes of the server, and when how many photos had been checked."""

    megabytes: float
    processes: int
    seconds: float
    checked: int


def measure_checks() -> list[Row]:
    """Measure photos as a phone writes them, and files crafted to use as much memory as the limits allow."""
    return [
        *_build_rows("phone photos", _run_checks(_write_phone_photos)),
        *_build_rows("crafted PNGs", _run_checks(_write_crafted_photos)),
    ]


def _build_rows(what: str, run: Run) -> list[Row]:
    return [
        Row(
            f"{CALLS} concurrent check_photos, {PHOTOS_PER_CALL} {what} each: memory",
            f"{run.megabytes:.0f} MB",
            aim=f"≤ {MAX_MEGABYTES} MB",
            met=run.megabytes <= MAX_MEGABYTES,
        ),
        Row("the same: decoder processes", f"{run.processes}", aim="≤ 3", met=run.processes <= 3),
        Row("the same: last result", f"{run.seconds:.0f} s", aim="≤ 60 s", met=run.seconds <= 60),
        Row("the same: photos checked by then", f"{run.checked} of {CALLS * PHOTOS_PER_CALL}"),
    ]


def _run_checks(write: Callable[[Path], None]) -> Run:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "photos").mkdir()
        write(folder / "photos")
        for call in range(CALLS):
            shutil.copytree(folder / "photos", folder / f"{call:02}", copy_function=shutil.copyfile)
        settings = {"APIFRAME_DATA_DIR": str(folder / "data"), "APIFRAME_PHOTO_FOLDERS": str(folder)}
        with Server([*OURS, "--sandbox"], settings) as server, _sample_peak(server) as peak:
            started = time.perf_counter()
            ids = [server.send("tools/call", _check_call(folder / f"{call:02}")) for call in range(CALLS)]
            checked = sum(len(read_content(server.receive(request_id))["photos"]) for request_id in ids)
            return Run(peak[0] / 1e6, peak[1], time.perf_counter() - started, checked)


def _check_call(folder: Path) -> dict[str, Any]:
    return {"name": "check_photos", "arguments": {"paths": [str(folder)]}}


@contextmanager
def _sample_peak(server: Server) -> Iterator[list[int]]:
    """Yield the peak of resident bytes and of child processes, sampled every 10 ms."""
    peak, done = [0, 0], threading.Event()

    def sample() -> None:
        while not done.wait(0.01):
            children = server.children()
            peak[0] = max(peak[0], sum(map(resident_bytes, [server.process_id, *children])))
            peak[1] = max(peak[1], len(children))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
    finally:
        done.set()
        sampler.join()


def _write_phone_photos(folder: Path) -> None:
    write_photos(folder, PHOTOS_PER_CALL)


def _write_crafted_photos(folder: Path) -> None:
    for number in range(PHOTOS_PER_CALL):
        rows = zlib.compress(bytes((1 + 3 * CRAFTED_SIDE) * CRAFTED_SIDE), 9)
        head = struct.pack(">IIBBBBB", CRAFTED_SIDE, CRAFTED_SIDE, 8, 2, 0, 0, 0)
        chunks = [_png_chunk(b"IHDR", head), _png_chunk(b"IDAT", rows), _png_chunk(b"IEND", b"")]
        (folder / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
