"""Trainings for ledgers, written without the program."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from apiframe_studio.api.provider import Terms
from apiframe_studio.ledger import Scope
from apiframe_studio.ledger.store import Store

ROWS = 100_000
SUBJECTS = 500
URL = "https://service.invalid"


def fill_ledger(path: Path, terms: Terms, rows: Iterable[Mapping[str, Any]]) -> None:
    """Make a ledger with these rows, each with a photo set."""
    Store(path, Scope("local", ""), terms=terms).close()
    with closing(sqlite3.connect(path)) as connection:
        columns = next(generate_rows()).keys()
        values = ", ".join(f":{column}" for column in columns)
        # The columns are the keys of the dictionary below.
        statement = f"INSERT INTO submissions ({', '.join(columns)}) VALUES ({values})"  # noqa: S608
        connection.executemany(statement, rows)
        connection.execute(
            "INSERT INTO photo_sets (ref, owner, fingerprint, photo_count, created_at)"
            " SELECT set_ref, owner, set_ref, 12, created_at FROM submissions"
        )
        connection.commit()


def generate_rows() -> Iterator[dict[str, Any]]:
    """Generate v1 trainings that have ended, oldest first."""
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


def generate_running(url: str) -> Iterator[dict[str, Any]]:
    """Generate 100 v2 trainings under way, which are those of `bench.service`."""
    now = time.time()
    for number, row in zip(range(100), generate_rows(), strict=False):
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
