"""Open the ledger's file: check its folder, permissions, integrity and version.

If it cannot be written (a full or read-only disk), a copy in memory is opened, so that its rows can still be read;
the error that is returned with it then says why nothing can be sent.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from apiframe_studio.ledger.errors import (
    LedgerBusy,
    LedgerDamaged,
    LedgerError,
    LedgerNotPrivate,
    LedgerTooNew,
    LedgerUnusable,
)
from apiframe_studio.ledger.migrations import VERSION, take
from apiframe_studio.private_files import (
    NotPrivate,
    keep_file_private,
    keep_private,
    make_private_folder,
    refuse_of_others,
)

BUSY_SECONDS: Final = 10.0
CACHE_KILOBYTES: Final = 32_768
"""The cache of a connection; it grows with what is read, so a small ledger uses little."""
CHECKED_AT_ONCE_BYTES: Final = 4_000_000
"""5,000 submissions. Up to this size the integrity is checked at opening, in a hundredth of a second."""
_STALE_MARK_SECONDS: Final = 60.0
_CHUNK: Final = 2**20
_OPENING: Final = threading.Lock()
"""Held while this process opens a ledger. The system drops a process's locks on a file whenever the process closes
any descriptor of it, so that a second thread would read, and set aside, a ledger that the first is just creating."""
_DAMAGE: Final = ("malformed", "not a database", "disk image", "unsupported file format")


def open_ledger(path: Path, *, check: bool = False) -> tuple[Engine, LedgerUnusable | None]:
    """Open a ledger of this version, made if there is none, and sound if it is small or `check` is given. Returns also
    why the engine is on a copy in memory, if it is.

    A large one takes a second to check, which a reader need not wait for: see `is_checked`.

    Raises:
        LedgerUnusable, LedgerNotPrivate, LedgerTooNew, LedgerBusy, LedgerDamaged: see `errors`. A damaged file has been
            set aside by then, so the next call begins a new ledger.
    """
    try:
        with _OPENING:
            return _open_engine(path, check=check), None
    except LedgerUnusable as unusable:
        if (copy := _copy_in_memory(path)) is None:
            raise
        return copy, unusable


def _copy_in_memory(path: Path) -> Engine | None:
    """Return a copy of a ledger, migrated in memory only, or None if there is none that can be read."""
    try:
        with translated(path):
            refuse_of_others(path)
    except LedgerUnusable:
        return None
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        with _open_read_only(path) as kept:
            kept.backup(memory)
    except sqlite3.Error:
        memory.close()
        return None
    engine = create_engine("sqlite://", creator=lambda: memory, poolclass=StaticPool)
    event.listen(engine, "begin", partial(_begin_immediate, path))
    memory.isolation_level = None
    version = int(memory.execute("PRAGMA user_version").fetchone()[0])
    if version == 0:
        # Created, but never migrated: there is nothing to read.
        engine.dispose()
        return None
    with translated(path):
        for number in range(version, VERSION):
            _take_step(engine, number)
    return engine


def _open_engine(path: Path, *, check: bool) -> Engine:
    opened = _make_file(path)
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )
    event.listen(engine, "connect", partial(_prepare, path))
    event.listen(engine, "begin", partial(_begin_immediate, path))
    try:
        with translated(path):
            _bring_up_to_date(engine, path, check=check)
    except LedgerDamaged as damaged:
        engine.dispose()
        with translated(path), contextlib.suppress(FileNotFoundError):
            _read_all(path)
        raise LedgerDamaged(path, _set_aside(path) or _set_aside_by_another(path)) from damaged
    except LedgerUnusable:
        engine.dispose()
        if _identity(path) == opened:
            raise
        # Another process set a damaged ledger aside while this one was opening it: open the new one.
        return _open_engine(path, check=check)
    except LedgerError:
        engine.dispose()
        raise
    return engine


class translated(contextlib.AbstractContextManager[None]):  # noqa: N801 - reads as a word where it is used
    """Raise the errors of SQLite and the system as errors of the ledger."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, NotPrivate):
            raise LedgerNotPrivate(error.path, error.why) from error
        if isinstance(error, OSError):
            raise LedgerUnusable(self._path, error.strerror or "cannot be written") from error
        if isinstance(error, DatabaseError):
            raise _as_ledger_error(self._path, str(error.orig)) from error


def _as_ledger_error(path: Path, words: str) -> LedgerError:
    if any(sign in words for sign in _DAMAGE):
        return LedgerDamaged(path, None)
    if "locked" in words or "busy" in words:
        return LedgerBusy(path)
    return LedgerUnusable(path, words)


def _make_file(path: Path) -> int | None:
    """Create folder and file accessible only to this user; SQLite would use the umask."""
    with translated(path):
        try:
            make_private_folder(path.parent)
        except FileExistsError as error:
            raise LedgerUnusable(path.parent, "is a file, not a folder") from error
        keep_private(path.parent)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        # By its path, because closing a descriptor of the file would drop this process's locks on it.
        keep_file_private(path)
        if (spool := spool_folder(path)).is_dir():
            keep_private(spool)
            for waiting in spool.iterdir():
                refuse_of_others(waiting)
    return _identity(path)


def spool_folder(path: Path) -> Path:
    """Return the folder of ids that could not be written into the ledger."""
    return path.with_name(f"{path.stem}-spool")


def _open_read_only(path: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True))


def _identity(path: Path) -> int | None:
    """Return the identity of the file at a path, or None if there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _prepare(path: Path, connection: sqlite3.Connection, _record: Any) -> None:
    # Before the first pragma that could write: a ledger from a newer version is not touched.
    _refuse_newer(path, int(connection.execute("PRAGMA user_version").fetchone()[0]))
    # SQLAlchemy must not start transactions implicitly, see _begin_immediate.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=DELETE")
    # EXTRA also syncs the folder after the journal is unlinked. With FULL a power cut could bring the
    # journal back and roll SENDING back to INTENT, which would be sent a second time.
    connection.execute("PRAGMA synchronous=EXTRA")
    # Forgetting changes many pages at once: those that do not fit are written, and synced, before the end.
    connection.execute(f"PRAGMA cache_size=-{CACHE_KILOBYTES}")
    # Forgotten data must not remain readable in the file's free pages.
    connection.execute("PRAGMA secure_delete=ON")


def _begin_immediate(path: Path, connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        # A process of a newer version may have migrated the file since this one opened it.
        _refuse_newer(path, int(connection.exec_driver_sql("PRAGMA user_version").scalar_one()))


def require_version(path: Path, connection: Connection) -> None:
    """Raise LedgerTooNew or LedgerUnusable if the file has become one of another version since it was opened."""
    if not path.exists():
        raise LedgerUnusable(path, "it was removed")
    version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    _refuse_newer(path, version)
    if version < VERSION:
        raise LedgerUnusable(path, "an older version of this program made it")


def _refuse_newer(path: Path, version: int) -> None:
    if version > VERSION:
        raise LedgerTooNew(path)


def is_checked(path: Path) -> bool:
    """Whether opening a ledger of this size checks its integrity. Otherwise `require_intact` does, before writing."""
    return path.stat().st_size <= CHECKED_AT_ONCE_BYTES


def require_intact(connection: Connection, path: Path) -> None:
    """Raise LedgerDamaged when the file is not what SQLite wrote."""
    if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() != "ok":
        raise LedgerDamaged(path, None)


def _bring_up_to_date(engine: Engine, path: Path, *, check: bool) -> None:
    with engine.begin() as connection:
        version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        if check or version < VERSION or is_checked(path):
            require_intact(connection, path)
    for number in range(version, VERSION):
        _take_step(engine, number)


def _take_step(engine: Engine, number: int) -> None:
    with engine.begin() as connection:
        # Another process may have migrated it while this one waited for the lock.
        if int(connection.exec_driver_sql("PRAGMA user_version").scalar_one()) != number:
            return
        take(connection, number)
        connection.exec_driver_sql(f"PRAGMA user_version={number + 1}")


def _read_all(path: Path) -> None:
    """Raise OSError if the disk cannot be read: SQLite reports such a file as malformed, though it may be intact.
    Setting it aside would start a new ledger and lose what was paid for.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for offset in range(0, os.fstat(descriptor).st_size, _CHUNK):
            # pread where there is one: what SQLite itself uses, so that the same faults are met.
            _ = os.pread(descriptor, _CHUNK, offset) if hasattr(os, "pread") else os.read(descriptor, _CHUNK)
    finally:
        os.close(descriptor)


def _set_aside(path: Path) -> Path | None:
    """Rename a damaged ledger, once even if several processes find it. Returns None if it could not be moved."""
    aside = path.with_name(
        f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}"
    )
    mark = path.with_name(f"{path.name}.setting-aside")
    try:
        if mark.exists() and time.time() - mark.stat().st_mtime > _STALE_MARK_SECONDS:
            # Its process crashed while setting a ledger aside.
            mark.unlink(missing_ok=True)
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return None
    try:
        if is_sound(path):
            return None
        # The ledger itself last: from then on others begin a new one, whose journal is not to be taken away.
        for tail in ("-journal", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                path.with_name(path.name + tail).rename(aside.with_name(aside.name + tail))
        path.rename(aside)
    except OSError:
        return None
    finally:
        mark.unlink(missing_ok=True)
    return aside


def _set_aside_by_another(path: Path) -> Path | None:
    """Return where another process has just moved the damaged ledger, or None."""
    if path.exists() and not is_sound(path):
        return None
    return max(path.parent.glob(f"{path.name}.damaged-*[0-9]"), default=None)


def is_sound(path: Path) -> bool:
    """Whether the file is not a damaged ledger. Another process may have set the damaged one aside already.

    One that is locked or missing is not damaged: another process is just creating the new one.
    """
    try:
        with _open_read_only(path) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error as error:
        return not any(sign in str(error) for sign in _DAMAGE)
