"""Measure checking and preparing 30 phone-sized photos: wall time, peak memory, request size, event-loop stalls.

    python bench/photos.py [--count 30] [--runs 3]

The photos are generated (4032 x 3024 pixels, with grain so that the files are as large as a phone's). Memory is
the sum of the resident sizes of this process and its decoders, sampled every 10 ms (Linux only; pages that they
share are counted in each). A stall is the delay with which a sleep of 5 ms on the event loop returned.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.photos.checks import check
from apiframe_studio.photos.folders import AllowedFolders
from apiframe_studio.photos.models import PhotoCheck
from apiframe_studio.photos.preparing import PreparedPhotos, prepare

SIZE = (4032, 3024)


@dataclass
class Run:
    check_seconds: float
    prepare_seconds: float
    peak_bytes: int
    max_stall: float
    request_bytes: int


def write_photos(folder: Path, count: int) -> int:
    """Write the photos in a separate process, which keeps them out of the measured memory, and return their bytes."""
    process = os.fork()
    if process == 0:
        _write_photos(folder, count)
        os._exit(0)
    os.waitpid(process, 0)
    return sum(path.stat().st_size for path in folder.iterdir())


def _write_photos(folder: Path, count: int) -> None:
    from PIL import Image

    from apiframe_studio.photos.synthetic import draw, make_scenes

    rng = random.Random(1)  # noqa: S311 - grain, not secrets
    grain = Image.frombytes("L", SIZE, rng.randbytes(SIZE[0] * SIZE[1])).convert("RGB")
    for number, scene in enumerate(make_scenes(count)):
        photo = draw(scene, (1008, 756)).resize(SIZE, Image.Resampling.BICUBIC)
        Image.blend(photo, grain, 0.08).save(folder / f"{number:02}.jpg", quality=92)


def resident_bytes(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def list_processes() -> list[int]:
    """Return this process and its children."""
    this = os.getpid()
    try:
        threads = os.listdir(f"/proc/{this}/task")
        children = [Path(f"/proc/{this}/task/{thread}/children").read_text() for thread in threads]
    except OSError:
        return [this]
    return [this, *(int(child) for line in children for child in line.split())]


@contextmanager
def sample_peak_memory() -> Iterator[list[int]]:
    peak, done = [0], threading.Event()

    def sample() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], sum(map(resident_bytes, list_processes())))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
    finally:
        done.set()
        sampler.join()


async def record_stalls(stalls: list[float]) -> None:
    while True:
        started = time.perf_counter()
        await anyio.sleep(0.005)
        stalls.append(time.perf_counter() - started - 0.005)


async def run_once(folder: Path) -> tuple[Run, PhotoCheck, PreparedPhotos]:
    stalls: list[float] = [0.0]
    with sample_peak_memory() as peak:
        async with anyio.create_task_group() as group:
            group.start_soon(record_stalls, stalls)
            started = time.perf_counter()
            checked = await check([folder], AllowedFolders([folder]), takes=V1_TERMS.photos)
            checked_at = time.perf_counter()
            prepared = await prepare(
                checked, long_side=V1_TERMS.photo_long_side, max_bytes=V1_TERMS.jpeg_bytes
            )
            prepared_at = time.perf_counter()
            group.cancel_scope.cancel()
    request_bytes = sum(len(base64.b64encode(jpeg)) for jpeg in prepared.jpegs)
    run = Run(checked_at - started, prepared_at - checked_at, peak[0], max(stalls), request_bytes)
    return run, checked, prepared


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        written = write_photos(folder, arguments.count)
        print(f"{arguments.count} photos of {SIZE[0]} x {SIZE[1]}, {written / 1e6:.0f} MB on disk")
        runs = [anyio.run(run_once, folder) for _ in range(arguments.runs)]
    _print(runs)


def _print(runs: list[tuple[Run, PhotoCheck, PreparedPhotos]]) -> None:
    numbers, (_, checked, prepared) = [run for run, _, _ in runs], runs[-1]
    print(f"usable {checked.usable}, prepared {len(prepared.jpegs)}, sheet {len(checked.sheet) / 1e3:.0f} kB")
    print(f"check    {statistics.median(run.check_seconds for run in numbers):6.2f} s")
    print(f"prepare  {statistics.median(run.prepare_seconds for run in numbers):6.2f} s")
    print(f"peak     {max(run.peak_bytes for run in numbers) / 1e6:6.0f} MB in all processes")
    print(f"stall    {max(run.max_stall for run in numbers) * 1e3:6.1f} ms at most")
    print(f"request  {numbers[-1].request_bytes / 1e6:6.1f} MB as base64")


if __name__ == "__main__":
    main()
