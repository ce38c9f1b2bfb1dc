"""What is measured: each function takes turns between the servers and returns rows for the table."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.wire import Server, Start, content_of, environment, start_to_list

OURS = [sys.executable, "-m", "apiframe_server"]
COMMAND = shutil.which("apiframe-photo-mcp", path=str(Path(sys.executable).parent)) or "apiframe-photo-mcp"
BARE = [sys.executable, "-m", "bench.bare_start"]
BARE_WAIT = [sys.executable, "-m", "bench.bare_wait"]
BARE_GET = [sys.executable, "-m", "bench.bare"]
RUNS = 12


@dataclass(frozen=True)
class Row:
    """One line of the table. `aim` says what we aim at; `met` whether this run did, None when there is no aim."""

    what: str
    ours: str
    theirs: str = ""
    ratio: str = ""
    aim: str = ""
    met: bool | None = None


def ratio_row(what: str, unit: str, ours: Sequence[float], theirs: Sequence[float], most: float) -> Row:
    """A row that compares medians."""
    ratio = median(ours) / median(theirs)
    shown = (f"{median(ours):.1f} {unit}", f"{median(theirs):.1f} {unit}", f"{ratio:.2f}")
    return Row(what, *shown, f"≤ {most:.2f} times", ratio <= most)


def start_and_memory() -> list[Row]:
    """Start to tools/list, its CPU, and memory then, of our server and of a bare one-tool server."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = [
            (start_to_list(OURS, {"APIFRAME_DATA_DIR": folder}), start_to_list(BARE, {}))
            for _ in range(RUNS + 1)
        ][1:]
    return [
        _start_row("start to tools/list", "ms", pairs, lambda start: start.milliseconds, 1.10),
        _start_row("CPU of that start", "ms", pairs, lambda start: start.cpu_milliseconds, 1.10),
        _start_row("memory after start", "MB", pairs, lambda start: start.megabytes, 1.15),
    ]


def _start_row(
    what: str, unit: str, pairs: Sequence[tuple[Start, Start]], read: Callable[[Start], float], most: float
) -> Row:
    return ratio_row(what, unit, [read(ours) for ours, _ in pairs], [read(bare) for _, bare in pairs], most)


def version() -> list[Row]:
    """`--version` beside an interpreter that does nothing."""
    ours, bare = [], []
    for run in range(RUNS + 1):
        pair = _spawn([COMMAND, "--version"]), _spawn([sys.executable, "-c", ""])
        if run:
            ours.append(pair[0])
            bare.append(pair[1])
    return [ratio_row("--version, beside bare CPython", "ms", ours, bare, 3.0)]


def one_call() -> list[Row]:
    """One status call over a loopback service, beside a bare tool that makes the same request."""
    with service(0.0) as url, _our_server(url) as ours, Server([*BARE_GET, url]) as bare:
        task_id = ours.call("start_training", training_images_id="photos-1")["task_id"]
        mine, theirs = [], []
        for run in range(220):
            pair = _timed(ours, "get_training_status", task_id), _timed(bare, "look", task_id)
            if run >= 20:
                mine.append(pair[0])
                theirs.append(pair[1])
    return [ratio_row("one status call, loopback service", "ms", mine, theirs, 1.30)]


def many_calls() -> list[Row]:
    """100 status calls at once on a service that takes 50 ms, and how many requests it saw for them."""
    with service(0.05) as url, _our_server(url) as ours:
        ids = [ours.call("start_training", training_images_id=f"photos-{n}")["task_id"] for n in range(100)]
        rates, requests = [], []
        for run in range(8):
            before = count(url)
            seconds = _all_at_once(ours, ids)
            if run:
                rates.append(100 / seconds)
                requests.append(count(url) - before)
    return [
        Row(
            "100 status calls at once, 50 ms upstream",
            f"{median(rates):.0f} calls/s",
            "",
            "",
            "≥ 500",
            median(rates) >= 500,
        ),
        Row(
            "upstream requests for those 100",
            f"{median(requests):.0f}",
            "",
            "",
            "≤ 10",
            median(requests) <= 10,
        ),
    ]


def thousand_waits(seconds: float = 15.0) -> list[Row]:
    """1,000 waits on 20 trainings: processor, a ping meanwhile, memory a wait, upstream requests."""
    with Server(BARE_WAIT) as sleeping:
        bare = _kilobytes_a_wait(sleeping, ["x"])
    with service(0.01) as url, _our_server(url) as ours:
        ids = [ours.call("start_training", training_images_id=f"photos-{n}")["task_id"] for n in range(20)]
        ours.call("get_training_status", task_id=ids[0])
        kilobytes = _kilobytes_a_wait(ours, ids)
        began, cpu, checks = time.perf_counter(), ours.cpu_seconds(), count(url)
        pings = list(_pings(ours, until=began + seconds))
        passed = time.perf_counter() - began
        share = (ours.cpu_seconds() - cpu) / passed * 100
        upstream = count(url) - checks
    return [
        Row("1,000 waits: share of a core", f"{share:.1f} %", "", "", "≤ 15 %", share <= 15),
        Row("1,000 waits: ping, median", f"{median(pings):.1f} ms", "", "", "< 10 ms", median(pings) < 10),
        Row("1,000 waits: ping, worst", f"{max(pings):.1f} ms"),
        _memory_row(kilobytes, bare),
        Row(f"1,000 waits: upstream requests in {seconds:.0f} s", f"{upstream}"),
    ]


def _kilobytes_a_wait(server: Server, ids: Sequence[str]) -> float:
    before = server.megabytes()
    for n in range(1000):
        task_id = ids[n % len(ids)]
        server.send("tools/call", {"name": "wait_for_training", "arguments": {"task_id": task_id}})
    for _ in range(5):
        server.ask("ping")
    return (server.megabytes() - before) * 1024 / 1000


def _memory_row(ours: float, bare: float) -> Row:
    """The SDK's own call takes more than our aim, so the aim is for what we add to it."""
    what = "1,000 waits: memory a wait"
    return Row(
        what, f"{ours:.1f} KB", f"{bare:.1f} KB", f"+{ours - bare:.1f} KB", "+ ≤ 15 KB", ours - bare <= 15
    )


def tool_list() -> list[Row]:
    """What a model reads before anything happened."""
    with tempfile.TemporaryDirectory() as folder, Server(OURS, {"APIFRAME_DATA_DIR": folder}) as ours:
        tools = ours.ask("tools/list")["result"]["tools"]
    size = sum(
        len(tool["name"])
        + len(tool["description"])
        + len(json.dumps(tool["inputSchema"], separators=(",", ":")))
        for tool in tools
    )
    return [Row(f"tool list, {len(tools)} tools", f"{size} characters", "", "", "≤ 7,400", size <= 7400)]


@contextmanager
def service(delay: float) -> Generator[str]:
    """A loopback service in a process of its own; gives its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.service", str(delay)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def count(url: str) -> int:
    """Return the number of status checks that the service received."""
    with urllib.request.urlopen(f"{url}/count", timeout=5) as answer:  # noqa: S310 - our own loopback service
        return int(json.load(answer)["status_checks"])


@contextmanager
def _our_server(url: str) -> Generator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"APIFRAME_DATA_DIR": folder, "APIFRAME_BASE_URL": url, "APIFRAME_API_KEY": "bench-key"}
        with Server(OURS, settings) as server:
            yield server


def _timed(server: Server, tool: str, task_id: str) -> float:
    began = time.perf_counter()
    server.call(tool, task_id=task_id)
    return (time.perf_counter() - began) * 1000


def _all_at_once(server: Server, ids: Sequence[str]) -> float:
    began = time.perf_counter()
    sent = [
        server.send("tools/call", {"name": "get_training_status", "arguments": {"task_id": task_id}})
        for task_id in ids
    ]
    answers: list[dict[str, Any]] = [content_of(server.answer(request)) for request in sent]
    assert all(answer["status"] == "processing" for answer in answers)
    return time.perf_counter() - began


def _pings(server: Server, until: float) -> Generator[float]:
    while time.perf_counter() < until:
        began = time.perf_counter()
        server.ask("ping")
        yield (time.perf_counter() - began) * 1000
        time.sleep(0.05)


def _spawn(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment({}))
    return (time.perf_counter() - began) * 1000
