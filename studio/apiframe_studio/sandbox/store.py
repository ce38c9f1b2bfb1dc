"""What survives a restart of the sandbox: its tasks, its clock's offset and the log of requests, in SQLite.

Some agent frameworks start a new process for every call, so several processes may open one file at a time.
Each verb is one short transaction. `synchronous=OFF` is enough here: a killed process loses nothing, only
a power cut would, and nobody pays for a sandbox.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from apiframe_studio.private_files import make_private_folder

from .tasks import TASK, Answer, Task

KEPT_REQUESTS = 10_000

FARTHEST = 10 * 365 * 24 * 3600.0
"""Seconds, about ten years, that the clock may be away from the one handed in: dates stay dates."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    task_id TEXT PRIMARY KEY, cost INTEGER NOT NULL, task TEXT NOT NULL,
    webhook_url TEXT, webhook_secret TEXT, told TEXT);
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, at REAL NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 0), offset REAL NOT NULL);
"""


class OutOfCredits(Exception):
    """A paid request that the account cannot pay; nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the changes of a task are to be posted, and the change that was posted last."""

    task: Task
    url: str
    secret: str | None
    told: str


class Store:
    """The sandbox's memory: a file at `path`, made if missing, readable by its owner only, or no file."""

    def __init__(self, path: Path | None, start_credits: int) -> None:
        self._start_credits = start_credits
        self._lock = threading.Lock()
        self._database = _open(path)
        # Closed when the store is forgotten: an unclosed connection is a ResourceWarning on Python 3.13.
        self.close = weakref.finalize(self, self._database.close)

    def accept(
        self,
        task: Task,
        *,
        cost: int,
        told: str,
        url: str | None = None,
        secret: str | None = None,
    ) -> None:
        """Record a paid task and take its cost from the credits. Raises OutOfCredits and records nothing."""
        with self._transaction() as database:
            if self._credits(database) < cost:
                raise OutOfCredits
            row = (
                task.task_id,
                cost,
                task.model_dump_json(),
                url,
                secret if url else None,
                told if url else None,
            )
            database.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?)", row)

    def task(self, task_id: str) -> Task | None:
        """The task of that id, or None."""
        rows = self._read("SELECT task FROM tasks WHERE task_id = ?", task_id)
        return TASK.validate_json(rows[0][0]) if rows else None

    def credits(self) -> int:
        """The credits that are left."""
        with self._transaction() as database:
            return self._credits(database)

    def paid(self) -> int:
        """How many requests have cost credits."""
        return int(self._read("SELECT count(*) FROM tasks WHERE cost > 0")[0][0])

    def total_images(self) -> int:
        """How many pictures have been generated."""
        count = "SELECT coalesce(sum(json_array_length(task, '$.image_urls')), 0) FROM tasks"
        return int(self._read(count)[0][0])

    def webhooks(self) -> list[Webhook]:
        """The tasks whose final result has not been posted yet."""
        rows = self._read("SELECT task, webhook_url, webhook_secret, told FROM tasks WHERE told IS NOT NULL")
        return [Webhook(TASK.validate_json(row[0]), *row[1:]) for row in rows]

    def claim(self, webhook: Webhook, news: str, *, final: bool) -> bool:
        """Take it on oneself to post a change; False when another process has done so.

        The secret is forgotten with the last post.
        """
        with self._transaction() as database:
            done = database.execute(
                "UPDATE tasks SET told = ? WHERE task_id = ? AND told = ?",
                (None if final else news, webhook.task.task_id, webhook.told),
            )
            if final:
                forget = "UPDATE tasks SET webhook_secret = NULL WHERE task_id = ?"
                database.execute(forget, (webhook.task.task_id,))
            return done.rowcount == 1

    def forget(self, task_ids: Sequence[str]) -> None:
        """Remove tasks, with the words and prompts in them, out of the file's free pages too."""
        with self._transaction() as database:
            database.executemany("DELETE FROM tasks WHERE task_id = ?", [(task_id,) for task_id in task_ids])
        with self._lock:
            self._database.execute("VACUUM")

    def offset(self) -> float:
        """Seconds by which the sandbox's clock is ahead of the one handed in."""
        rows = self._read("SELECT offset FROM clock")
        return float(rows[0][0]) if rows else 0.0

    def move_clock(self, seconds: float) -> None:
        """Move the clock of everybody who opens this store; it stops at FARTHEST."""
        with self._transaction() as database:
            database.execute("INSERT OR IGNORE INTO clock VALUES (0, 0)")
            farther = "UPDATE clock SET offset = max(?, min(?, offset + ?))"
            database.execute(farther, (-FARTHEST, FARTHEST, seconds))

    def log(self, at: float, method: str, path: str, status: int) -> None:
        """Note a request that was answered; the newest ten thousand are kept."""
        with self._transaction() as database:
            row = (at, method, path, status)
            noted = database.execute(
                "INSERT INTO requests (at, method, path, status) VALUES (?, ?, ?, ?)", row
            )
            database.execute("DELETE FROM requests WHERE id <= ?", ((noted.lastrowid or 0) - KEPT_REQUESTS,))

    def requests(self) -> list[Answer]:
        """The logged requests, oldest first."""
        rows = self._read("SELECT at, method, path, status FROM requests ORDER BY id")
        return [dict(zip(("at", "method", "path", "status"), row, strict=True)) for row in rows]

    def wipe(self) -> None:
        """Forget every task, request and clock move."""
        with self._transaction() as database:
            for table in ("tasks", "requests", "clock"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608  the three names above, nobody's input

    def _credits(self, database: sqlite3.Connection) -> int:
        spent: int = database.execute("SELECT coalesce(sum(cost), 0) FROM tasks").fetchone()[0]
        return self._start_credits - spent

    def _read(self, query: str, *values: object) -> list[tuple[str, ...]]:
        with self._lock:
            return self._database.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, None, None]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        make_private_folder(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(path or ":memory:", timeout=10, isolation_level=None, check_same_thread=False)
    # TRUNCATE keeps the journal file between commits; secure_delete leaves no webhook secret in a freed page.
    for pragma in ("journal_mode=TRUNCATE", "synchronous=OFF", "secure_delete=ON"):
        database.execute(f"PRAGMA {pragma}")
    database.executescript(_SCHEMA)
    return database
