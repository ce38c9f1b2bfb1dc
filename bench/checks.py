"""Twelve calls of check_photos at once, each on a folder of its own: memory of all processes, and time."""

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
from bench.photos import make_photos, resident
from bench.wire import Server, content_of

CALLS = 12
PHOTOS_A_CALL = 6
MOST_MEGABYTES = 600
CRAFTED_SIDE = 7_700
"""Square pictures of 59 megapixels, just under the limit, in a file of some 170 kB."""


@dataclass(frozen=True)
class Run:
    """Bytes and processes at their most, of the server and its children together."""

    megabytes: float
    processes: int
    seconds: float
    judged: int


def checks_at_once() -> list[Row]:
    """Photos as a phone writes them, and files made to take as much memory as we let them."""
    return [
        *_rows("phone photos", _measured(_phone_photos)),
        *_rows("crafted PNGs", _measured(_crafted)),
    ]


def _rows(what: str, run: Run) -> list[Row]:
    return [
        Row(
            f"{CALLS} check_photos at once, {PHOTOS_A_CALL} {what} each: memory",
            f"{run.megabytes:.0f} MB",
            aim=f"≤ {MOST_MEGABYTES} MB",
            met=run.megabytes <= MOST_MEGABYTES,
        ),
        Row("the same: decoder processes", f"{run.processes}", aim="≤ 3", met=run.processes <= 3),
        Row("the same: last answer", f"{run.seconds:.0f} s", aim="≤ 60 s", met=run.seconds <= 60),
        Row("the same: photos judged by then", f"{run.judged} of {CALLS * PHOTOS_A_CALL}"),
    ]


def _measured(make: Callable[[Path], None]) -> Run:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        (folder / "made").mkdir()
        make(folder / "made")
        for call in range(CALLS):
            shutil.copytree(folder / "made", folder / f"{call:02}", copy_function=shutil.copyfile)
        settings = {"APIFRAME_DATA_DIR": str(folder / "data"), "APIFRAME_PHOTO_FOLDERS": str(folder)}
        with Server([*OURS, "--sandbox"], settings) as server, _peak(server) as peak:
            began = time.perf_counter()
            sent = [server.send("tools/call", _check(folder / f"{call:02}")) for call in range(CALLS)]
            judged = sum(len(content_of(server.answer(request))["photos"]) for request in sent)
            return Run(peak[0] / 1e6, peak[1], time.perf_counter() - began, judged)


def _check(folder: Path) -> dict[str, Any]:
    return {"name": "check_photos", "arguments": {"paths": [str(folder)]}}


@contextmanager
def _peak(server: Server) -> Iterator[list[int]]:
    """Bytes and children at their most, looked at every 10 ms."""
    peak, done = [0, 0], threading.Event()

    def sample() -> None:
        while not done.wait(0.01):
            children = server.children()
            peak[0] = max(peak[0], sum(map(resident, [server.process_id, *children])))
            peak[1] = max(peak[1], len(children))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
    finally:
        done.set()
        sampler.join()


def _phone_photos(folder: Path) -> None:
    make_photos(folder, PHOTOS_A_CALL)


def _crafted(folder: Path) -> None:
    for number in range(PHOTOS_A_CALL):
        rows = zlib.compress(bytes((1 + 3 * CRAFTED_SIDE) * CRAFTED_SIDE), 9)
        head = struct.pack(">IIBBBBB", CRAFTED_SIDE, CRAFTED_SIDE, 8, 2, 0, 0, 0)
        chunks = [_chunk(b"IHDR", head), _chunk(b"IDAT", rows), _chunk(b"IEND", b"")]
        (folder / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
