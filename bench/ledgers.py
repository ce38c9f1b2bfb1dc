"""A ledger of 100,000 trainings beside an empty one: a list, and a first call of a server that has just started."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from apiframe_studio.ledger.book import Book
from bench.measures import OURS, RUNS, Row
from bench.wire import Server, start_to_list

ROWS = 100_000
SUBJECTS = 500
URL = "https://service.invalid"
MOST_LIST_MS = 50.0
MOST_FIRST_CALL_MS = 300.0


def large_ledger() -> list[Row]:
    """What `list_trainings` and the first call take, with and without a long past."""
    with tempfile.TemporaryDirectory() as large, tempfile.TemporaryDirectory() as empty:
        _fill(Path(large) / "ledger.sqlite3")
        lists, empty_lists = _lists(large), _lists(empty)
        firsts, starts = [], []
        for run in range(RUNS + 1):
            pair = _first_call(large), start_to_list(OURS, _settings(large)).milliseconds
            if run:
                firsts.append(pair[0])
                starts.append(pair[1])
    more = median(firsts) - median(starts)
    what = f"{ROWS:,} trainings"
    return [
        _row(f"{what}: list_trainings, beside none", median(lists), median(empty_lists), MOST_LIST_MS),
        Row(
            f"{what}: start to the first list, beside start to tools/list",
            f"{median(firsts):.0f} ms",
            f"{median(starts):.0f} ms",
            f"+{more:.0f} ms",
            f"+ ≤ {MOST_FIRST_CALL_MS:.0f} ms",
            more <= MOST_FIRST_CALL_MS,
        ),
    ]


def _row(what: str, ours: float, bare: float, most: float) -> Row:
    return Row(
        what, f"{ours:.1f} ms", f"{bare:.1f} ms", f"{ours / bare:.2f}", f"≤ {most:.0f} ms", ours <= most
    )


def _settings(folder: str) -> Mapping[str, str]:
    return {"APIFRAME_DATA_DIR": folder, "APIFRAME_BASE_URL": URL, "APIFRAME_API_KEY": "bench-key"}


def _lists(folder: str) -> list[float]:
    found = []
    with Server(OURS, _settings(folder)) as server:
        for run in range(RUNS + 1):
            began = time.perf_counter()
            answer = server.call("list_trainings")
            if run:
                found.append((time.perf_counter() - began) * 1000)
        assert answer["total"] in (0, ROWS), answer
    return found


def _first_call(folder: str) -> float:
    began = time.perf_counter()
    with Server(OURS, _settings(folder)) as server:
        server.call("list_trainings")
        return (time.perf_counter() - began) * 1000


def _fill(path: Path) -> None:
    Book(path).close()
    with closing(sqlite3.connect(path)) as connection:
        first = next(_rows())
        marks = ", ".join(f":{name}" for name in first)
        # The names are those of the dictionary below.
        statement = f"INSERT INTO submissions ({', '.join(first)}) VALUES ({marks})"  # noqa: S608
        connection.executemany(statement, _rows())
        connection.commit()


def _rows() -> Iterator[dict[str, Any]]:
    for number in range(ROWS):
        at = 1_700_000_000.0 + number * 60
        yield {
            "ref": f"tr-{number:07}",
            "kind": "training",
            "service": f"{URL} v1",
            "owner": "local",
            "about": f"{number:036}",
            "wording": "TOKSIS",
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
            "photos": 12,
            "credits": 48.0,
            "fingerprint": f"{number:064}",
        }
