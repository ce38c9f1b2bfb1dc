"""The front: from start to the list of tools, the memory then, and the first call, beside servers without a front."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.measures import BARE, COMMAND, RUNS, WITHOUT_FRONT, Row, build_ratio_row, build_row
from bench.wire import Server

BARE_PYTHON = [sys.executable, str(Path(__file__).with_name("bare_python.py"))]
MAX_IDLE_MB = 12.0


@dataclass(frozen=True)
class First:
    """What a client sees first: milliseconds from start to the list and to the first call, and the memory between."""

    list_ms: float
    call_ms: float
    megabytes: float


def measure_front() -> list[Row]:
    """Measure the front beside bare CPython, our server without it, and a bare server on the SDK, taking turns."""
    with tempfile.TemporaryDirectory() as folder:
        ours = {"APIFRAME_DATA_DIR": folder}
        runs = [
            (
                _measure_first([COMMAND], ours, "list_trainings"),
                _measure_first(BARE_PYTHON, {}),
                _measure_first([COMMAND], ours | WITHOUT_FRONT, "list_trainings"),
                _measure_first(BARE, {}, "echo"),
            )
            for _ in range(RUNS + 1)
        ][1:]
    front, python, without, sdk = zip(*runs, strict=True)
    idle = median(first.megabytes for first in front)
    return [
        build_ratio_row(
            "front: start to tools/list, beside CPython", "ms", _lists(front), _lists(python), 1.3
        ),
        build_row("front: the same, beside a bare server on the SDK", "ms", _lists(front), _lists(sdk)),
        Row("front: idle memory", f"{idle:.1f} MB", "", "", f"≤ {MAX_IDLE_MB:.0f} MB", idle <= MAX_IDLE_MB),
        build_row("front: the same, beside CPython", "MB", _memory(front), _memory(python)),
        build_ratio_row(
            "front: start, list and first call, beside a start without it",
            "ms",
            _calls(front),
            _calls(without),
            1.0,
        ),
        build_row("front: the same, beside a bare server on the SDK", "ms", _calls(front), _calls(sdk)),
    ]


def _measure_first(command: Sequence[str], settings: Mapping[str, str], tool: str | None = None) -> First:
    started = time.perf_counter()
    with Server(command, settings) as server:
        server.request("tools/list")
        listed = time.perf_counter() - started
        megabytes = server.megabytes()
        called = time.perf_counter()
        if tool is not None:
            server.request("tools/call", {"name": tool, "arguments": {"text": "x"} if tool == "echo" else {}})
        return First(listed * 1000, (listed + time.perf_counter() - called) * 1000, megabytes)


def _lists(firsts: Sequence[First]) -> list[float]:
    return [first.list_ms for first in firsts]


def _calls(firsts: Sequence[First]) -> list[float]:
    return [first.call_ms for first in firsts]


def _memory(firsts: Sequence[First]) -> list[float]:
    return [first.megabytes for first in firsts]
