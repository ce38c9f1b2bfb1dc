"""What survives a restart of the sandbox, in SQLite: its tasks, its clock's offset and the request log.

Some agent frameworks start a new process for every call, so several processes may open one file at the same time.
Each method is one short transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .database import Database
from .errors import ErrorResponse
from .tasks import TASK, JsonObject, Task, compute_change_key

MAX_LOGGED_REQUESTS = 10_000

MAX_CLOCK_OFFSET_SECONDS = 10 * 365 * 24 * 3600.0
"""About ten years in either direction, so that every time of the sandbox is a valid date."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    task_id TEXT PRIMARY KEY, cost INTEGER NOT NULL, task TEXT NOT NULL,
    webhook_url TEXT, webhook_secret TEXT, last_posted TEXT);
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, at REAL NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 0), offset REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the changes of a task are posted. `last_posted` is the change key of the last post."""

    task: Task
    url: str
    secret: str | None
    last_posted: str


class Store:
    """A file at `path`, created if missing and readable by its owner only, or a store in memory if None."""

    def __init__(self, path: Path | None, start_credits: int) -> None:
        self._start_credits = start_credits
        self.database = Database(path)
        self.database.create_tables(_SCHEMA)
        _rename_old_column(self.database)
        self.close = self.database.close

    def add_task(self, task: Task, *, cost: int, url: str | None = None, secret: str | None = None) -> None:
        """Record a paid task and charge its cost. Raises ErrorResponse with 402 if they do not suffice."""
        last_posted = compute_change_key(task.to_json(task.submitted_at)) if url else None
        with self.database.transaction() as database:
            if self.count_credits() < cost:
                raise ErrorResponse("Not enough credits", status=402)
            row = (task.task_id, cost, task.model_dump_json(), url, secret if url else None, last_posted)
            database.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?)", row)

    def find_task(self, task_id: str) -> Task | None:
        rows = self.database.read("SELECT task FROM tasks WHERE task_id = ?", task_id)
        return TASK.validate_json(rows[0][0]) if rows else None

    def count_credits(self) -> int:
        return self._start_credits - int(self.database.read("SELECT coalesce(sum(cost), 0) FROM tasks")[0][0])

    def count_paid(self) -> int:
        """Return the number of requests that cost credits."""
        return int(self.database.read("SELECT count(*) FROM tasks WHERE cost > 0")[0][0])

    def count_images(self) -> int:
        count = "SELECT coalesce(sum(json_array_length(task, '$.image_urls')), 0) FROM tasks"
        return int(self.database.read(count)[0][0])

    def list_webhooks(self) -> list[Webhook]:
        """Return the webhooks whose final change has not been posted."""
        rows = self.database.read(
            "SELECT task, webhook_url, webhook_secret, last_posted FROM tasks WHERE last_posted IS NOT NULL"
        )
        return [Webhook(TASK.validate_json(row[0]), *row[1:]) for row in rows]

    def claim_post(self, webhook: Webhook, key: str, *, final: bool) -> bool:
        """Claim the right to post a change; False if another process has claimed it.

        The final change erases the secret.
        """
        claim = "UPDATE tasks SET last_posted = ?, webhook_secret = ? WHERE task_id = ? AND last_posted = ?"
        kept = (None, None) if final else (key, webhook.secret)
        return self.database.write(claim, *kept, webhook.task.task_id, webhook.last_posted) == 1

    def forget(self, task_ids: Sequence[str]) -> None:
        """Delete tasks together with the prompts and trigger words in them, also from the file's free pages."""
        with self.database.transaction() as database:
            database.executemany("DELETE FROM tasks WHERE task_id = ?", [(task_id,) for task_id in task_ids])
        self.database.vacuum()

    def read_clock_offset(self) -> float:
        """Return the seconds by which the sandbox's time is ahead of its clock."""
        rows = self.database.read("SELECT offset FROM clock")
        return float(rows[0][0]) if rows else 0.0

    def move_clock(self, seconds: float) -> None:
        """Add to the offset for every process that uses this store, within MAX_CLOCK_OFFSET_SECONDS."""
        with self.database.transaction() as database:
            database.execute("INSERT OR IGNORE INTO clock VALUES (0, 0)")
            move = "UPDATE clock SET offset = max(?, min(?, offset + ?))"
            database.execute(move, (-MAX_CLOCK_OFFSET_SECONDS, MAX_CLOCK_OFFSET_SECONDS, seconds))

    def log_request(self, at: float, method: str, path: str, status: int) -> None:
        """Log a request. The newest ten thousand are kept."""
        with self.database.transaction() as database:
            insert = "INSERT INTO requests (at, method, path, status) VALUES (?, ?, ?, ?)"
            inserted = database.execute(insert, (at, method, path, status))
            oldest = (inserted.lastrowid or 0) - MAX_LOGGED_REQUESTS
            database.execute("DELETE FROM requests WHERE id <= ?", (oldest,))

    def list_requests(self) -> list[JsonObject]:
        """Return the logged requests, oldest first."""
        rows = self.database.read("SELECT at, method, path, status FROM requests ORDER BY id")
        return [dict(zip(("at", "method", "path", "status"), row, strict=True)) for row in rows]

    def clear(self) -> None:
        """Delete all tasks and logged requests and reset the clock."""
        self.database.clear("tasks", "requests", "clock")


def _rename_old_column(database: Database) -> None:
    """Bring a file of an earlier version up to date: `last_posted` was named `told`."""
    with database.transaction() as connection:
        if any(column[1] == "told" for column in connection.execute("PRAGMA table_info(tasks)")):
            connection.execute("ALTER TABLE tasks RENAME COLUMN told TO last_posted")
