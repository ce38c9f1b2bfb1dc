"""A ledger of 100,000 trainings compared with an empty one: a list, and the first call after a start."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from apiframe_studio.api.v1.terms import V1_TERMS
from bench.measures import OURS, RUNS, Row
from bench.rows import ROWS, URL, fill_ledger, generate_rows
from bench.wire import Server, measure_start_to_list

MAX_LIST_MS = 50.0
MAX_FIRST_CALL_MS = 300.0


def measure_large_ledger() -> list[Row]:
    """Measure `list_trainings` and the first call, with and without a long history."""
    with tempfile.TemporaryDirectory() as large, tempfile.TemporaryDirectory() as empty:
        fill_ledger(Path(large) / "ledger.sqlite3", V1_TERMS, generate_rows())
        lists, empty_lists = _time_lists(large), _time_lists(empty)
        first_calls, starts = [], []
        for run in range(RUNS + 1):
            pair = _time_first_call(large), measure_start_to_list(OURS, _settings(large)).milliseconds
            if run:
                first_calls.append(pair[0])
                starts.append(pair[1])
    added = median(first_calls) - median(starts)
    what = f"{ROWS:,} trainings"
    return [
        _build_row(
            f"{what}: list_trainings, compared with none", median(lists), median(empty_lists), MAX_LIST_MS
        ),
        Row(
            f"{what}: start to the first list, compared with start to tools/list",
            f"{median(first_calls):.0f} ms",
            f"{median(starts):.0f} ms",
            f"+{added:.0f} ms",
            f"+ ≤ {MAX_FIRST_CALL_MS:.0f} ms",
            added <= MAX_FIRST_CALL_MS,
        ),
    ]


def _build_row(what: str, ours: float, bare: float, maximum: float) -> Row:
    return Row(
        what, f"{ours:.1f} ms", f"{bare:.1f} ms", f"{ours / bare:.2f}", f"≤ {maximum:.0f} ms", ours <= maximum
    )


def _settings(folder: str) -> Mapping[str, str]:
    return {"APIFRAME_DATA_DIR": folder, "APIFRAME_BASE_URL": URL, "APIFRAME_API_KEY": "bench-key"}


def _time_lists(folder: str) -> list[float]:
    times = []
    with Server(OURS, _settings(folder)) as server:
        for run in range(RUNS + 1):
            started = time.perf_counter()
            listed = server.call("list_trainings")
            if run:
                times.append((time.perf_counter() - started) * 1000)
        assert listed["total"] in (0, ROWS), listed
    return times


def _time_first_call(folder: str) -> float:
    started = time.perf_counter()
    with Server(OURS, _settings(folder)) as server:
        server.call("list_trainings")
        return (time.perf_counter() - started) * 1000
