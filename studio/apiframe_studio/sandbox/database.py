"""The SQLite database of a sandbox.

With a file it may be open in several processes: every change is one short transaction. `synchronous=OFF` is enough: a
killed process loses nothing, only a power cut would, and tasks of a sandbox cost no money.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apiframe_studio.private_files import make_private_folder


class Database:
    """A file at `path`, created if missing and readable by its owner only, or a database in memory if None."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()  # A transaction may read.
        self._connection = _open(path)
        # An unclosed connection is a ResourceWarning on Python 3.13, so it is closed when garbage-collected.
        self.close = weakref.finalize(self, self._connection.close)

    def create_tables(self, schema: str) -> None:
        """Run the statements of `schema`, which create what is missing."""
        with self._lock:
            self._connection.executescript(schema)

    def read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection, None, None]:
        """Hold the write lock for the block, and roll back if it raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def write(self, statement: str, *values: object) -> int:
        """Run one statement as a transaction, and return the number of rows that it changed."""
        with self.transaction() as connection:
            return connection.execute(statement, values).rowcount

    def clear(self, *tables: str) -> None:
        """Delete all rows of these tables."""
        with self.transaction() as connection:
            for table in tables:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608  names from the code

    def vacuum(self) -> None:
        """Remove deleted rows from the file's free pages too."""
        with self._lock:
            self._connection.execute("VACUUM")


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        make_private_folder(path.parent)
        path.touch(mode=0o600)
    connection = sqlite3.connect(
        path or ":memory:", timeout=10, isolation_level=None, check_same_thread=False
    )
    # TRUNCATE keeps the journal file between commits; secure_delete leaves no webhook secret in a freed page.
    for pragma in ("journal_mode=TRUNCATE", "synchronous=OFF", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
