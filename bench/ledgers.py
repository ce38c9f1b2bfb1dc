"""A ledger of 100,000 trainings compared with an empty one: a list, and the first call after a start."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from apiframe_studio.api.provider import Terms
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.api.v2.terms import V2_TERMS
from apiframe_studio.ledger import Scope
from apiframe_studio.ledger.store import Store
from bench.measures import OURS, RUNS, Row, build_many_rows, run_service, time_many_calls
from bench.wire import Server, measure_start_to_list

ROWS = 100_000
SUBJECTS = 500
URL = "https://service.invalid"
MAX_LIST_MS = 50.0
MAX_FIRST_CALL_MS = 300.0


def measure_large_ledger() -> list[Row]:
    """Measure `list_trainings` and the first call, with and without a long history."""
    with tempfile.TemporaryDirectory() as large, tempfile.TemporaryDirectory() as empty:
        _fill_ledger(Path(large) / "ledger.sqlite3", V1_TERMS, _generate_rows())
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


def measure_many_calls_v2() -> list[Row]:
    """Measure 100 concurrent status calls under v2, whose trainings are in the ledger."""
    with run_service(0.05) as url, tempfile.TemporaryDirectory() as folder:
        _fill_ledger(Path(folder) / "ledger.sqlite3", V2_TERMS, _generate_running(url))
        settings = {**_settings(folder), "APIFRAME_BASE_URL": url, "APIFRAME_API_KEY": "afk_bench-key"}
        with Server(OURS, settings) as server:
            ids = [f"bench-{number:03}" for number in range(100)]
            return build_many_rows("v2: ", *time_many_calls(server, url, ids), max_requests=2)


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


def _fill_ledger(path: Path, terms: Terms, rows: Iterable[Mapping[str, Any]]) -> None:
    Store(path, Scope("local", ""), terms=terms).close()
    with closing(sqlite3.connect(path)) as connection:
        columns = next(_generate_rows()).keys()
        values = ", ".join(f":{column}" for column in columns)
        # The columns are the keys of the dictionary below.
        statement = f"INSERT INTO submissions ({', '.join(columns)}) VALUES ({values})"  # noqa: S608
        connection.executemany(statement, rows)
        connection.execute(
            "INSERT INTO photo_sets (ref, owner, fingerprint, photo_count, created_at)"
            " SELECT set_ref, owner, set_ref, 12, created_at FROM submissions"
        )
        connection.commit()


def _generate_rows() -> Iterator[dict[str, Any]]:
    for number in range(ROWS):
        at = 1_700_000_000.0 + number * 60
        yield {
            "ref": f"tr-{number:07}",
            "kind": "training",
            "service": f"{URL} v1",
            "owner": "local",
            "dedup_key": f"{number:036}",
            "requested_trigger_word": "TOKSIS",
            "subject": f"Person {number % SUBJECTS}",
            "subject_key": f"person {number % SUBJECTS}",
            "state": "failed" if number % 10 == 0 else "finished",
            "attempt": 1,
            "task_id": f"task-{number:031}",
            "trigger_word": "TOKSIS",
            "message": "Training finished, you can generate photos now!",
            "created_at": at,
            "sent_at": at,
            "accepted_at": at,
            "finished_at": at + 900,
            "checked_at": at + 900,
            "estimated_credits": 48.0,
            "set_ref": f"ps-{number:064}",
        }


def _generate_running(url: str) -> Iterator[dict[str, Any]]:
    now = time.time()
    for number, row in zip(range(100), _generate_rows(), strict=False):
        yield row | {
            "service": f"{url} v2",
            "task_id": f"bench-{number:03}",
            "state": "processing",
            "trigger_word": None,
            "requested_trigger_word": None,
            "created_at": now,
            "sent_at": now,
            "accepted_at": now,
            "finished_at": None,
            "checked_at": now,
        }
