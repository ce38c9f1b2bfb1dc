"""What the ledger keeps, and which ledgers are refused, unchanged and before anything is sent."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.ledger import (
    Answer,
    Kind,
    Ledger,
    NewTraining,
    Observation,
    RowPage,
    SavedImage,
    Scope,
    Submission,
)
from apiframe_studio.ledger import sqlite as ledger_file
from apiframe_studio.ledger.errors import (
    LedgerBusy,
    LedgerDamaged,
    LedgerError,
    LedgerTooNew,
    LedgerUnusable,
    UnknownCursor,
)
from apiframe_studio.ledger.migrations import VERSION
from apiframe_studio.ledger.states import Event, State

from ..faults.child_process import strace_is_missing
from ..v1_store import Store
from .stepped_clock import EPOCH

PLACE = ("https://service.invalid v1", "local")
SCOPE = Scope(PLACE[1], PLACE[0])
NEW = NewTraining("images-1", "TOKSIS", "Anna")
LEASE = 50.0
posix = pytest.mark.skipif(sys.platform == "win32", reason="rights of owner and others are POSIX")
without_root = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() == 0, reason="root may write everywhere; the strace tests cover this"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.sqlite3"


def sending(store: Store) -> Submission:
    row, _ = store.get_or_create(NEW, EPOCH)
    begun = store.begin_sending(row.ref, EPOCH, LEASE)
    assert begun is not None
    return begun


def found(store: Store, name: str, now: float = EPOCH) -> Submission:
    row = store.find(name, now)
    assert row is not None
    return row


def test_a_reopened_ledger_returns_what_was_recorded(path: Path) -> None:
    store = Store(path, SCOPE)
    row = sending(store)
    accepted = store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="train-1"), EPOCH + 1)
    store.record_status(row.ref, Observation(EPOCH + 60, State.PROCESSING, 40.0, "Training is in progress"))
    store.record_status(row.ref, Observation(EPOCH + 90, State.FINISHED, 100.0, "Done", "TOKIKD"))
    store.close()
    again = Store(path, SCOPE)
    row = found(again, "train-1")
    assert accepted is not None
    assert (row.ref, row.state, row.attempt) == (accepted.ref, State.FINISHED, 1)
    assert (row.parent_task_id, row.requested_trigger_word, row.trigger_word, row.subject) == (
        "images-1",
        "TOKSIS",
        "TOKIKD",
        "Anna",
    )
    assert (row.sent_at, row.accepted_at, row.started_at, row.finished_at) == (
        EPOCH,
        EPOCH + 1,
        EPOCH + 60,
        EPOCH + 90,
    )
    assert [seen.state for seen in again.history(row.ref)] == [State.PROCESSING, State.FINISHED]
    again.close()


def test_an_unchanged_status_is_not_written(path: Path) -> None:
    store = Store(path, SCOPE)
    row = sending(store)
    store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="train-1"), EPOCH)
    for second in range(3):
        store.record_status(row.ref, Observation(EPOCH + second, State.PROCESSING, 40.0))
    assert len(store.history(row.ref)) == 1
    store.close()


@posix
def test_only_the_owner_can_access_the_file_and_its_folder(path: Path) -> None:
    old = os.umask(0)
    try:
        store = Store(path, SCOPE)
        sending(store)
        store.close()
    finally:
        os.umask(old)
    modes = {
        entry.relative_to(path.parent).name: stat.S_IMODE(entry.stat().st_mode)
        for entry in [path.parent, *path.parent.rglob("*")]
    }
    assert modes.pop("ledger.sqlite3") == 0o600
    assert modes.pop("ledger-spool") == modes.pop("") == 0o700
    assert set(modes.values()) == {0o600}


def test_a_ledger_of_a_newer_version_is_refused_and_left_unchanged(path: Path) -> None:
    Store(path, SCOPE).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()
    before = (path.read_bytes(), path.stat().st_mtime_ns, sorted(os.listdir(path.parent)))
    for _ in range(2):
        with pytest.raises(LedgerTooNew):
            Store(path, SCOPE)
    assert (path.read_bytes(), path.stat().st_mtime_ns, sorted(os.listdir(path.parent))) == before


def overwrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def damaged_middle(path: Path) -> bytes:
    Store(path, SCOPE).close()
    whole = bytearray(path.read_bytes())
    whole[4_096 : 3 * 4_096] = os.urandom(2 * 4_096)
    return bytes(whole)


@pytest.mark.parametrize("damage", ["text", "middle", "header"])
def test_a_damaged_ledger_is_set_aside_complete_and_the_next_open_creates_a_new_one(
    path: Path, damage: str
) -> None:
    path.parent.mkdir()
    content = {
        "text": lambda: b"this is not a database, and it is long enough to be read as one" * 20,
        "middle": lambda: damaged_middle(path),
        "header": lambda: b"SQLite format 3\x00" + b"\xff" * 8_192,
    }[damage]()
    path.write_bytes(content)
    with pytest.raises(LedgerDamaged) as caught:
        Store(path, SCOPE)
    aside = caught.value.set_aside
    assert aside is not None
    assert aside.read_bytes() == content
    store = Store(path, SCOPE)
    assert not store.page(Kind.TRAINING, EPOCH, limit=1000).rows
    store.close()
    assert aside.read_bytes() == content


@pytest.mark.parametrize("damage", ["before it was opened", "while it was open"])
async def test_a_large_ledger_is_checked_before_it_is_used(
    path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading does not wait for the check; damage is noticed when a page cannot be read."""
    monkeypatch.setattr(ledger_file, "CHECKED_AT_ONCE_BYTES", 0)
    content = damaged_middle(path)
    ledger = Ledger(path, service=PLACE[0], terms=V1_TERMS)
    if damage == "while it was open":
        assert (await ledger.page(Kind.TRAINING, EPOCH, limit=1)).total == 0
    overwrite(path, content)
    with pytest.raises(LedgerDamaged) as caught:
        await ledger.get_or_create(NEW, EPOCH)
    assert caught.value.set_aside is not None
    assert caught.value.set_aside.read_bytes() == content
    assert (await ledger.get_or_create(NEW, EPOCH))[1]
    await ledger.aclose()


@pytest.mark.parametrize("depth", [1, 2])
def test_a_file_at_the_path_of_the_folder_is_reported_and_kept(tmp_path: Path, depth: int) -> None:
    in_the_way = tmp_path / "data"
    in_the_way.write_text("mine")
    path = in_the_way.joinpath(*["deeper"] * (depth - 1), "ledger.sqlite3")
    with pytest.raises(LedgerUnusable) as caught:
        Store(path, SCOPE)
    assert caught.value.why
    assert in_the_way.read_text() == "mine"


def test_a_folder_at_the_path_of_the_ledger_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnusable):
        Store(tmp_path, SCOPE)


@posix
@without_root
def test_a_folder_without_write_permission_is_reported(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LedgerUnusable):
        Store(tmp_path / "data" / "ledger.sqlite3", SCOPE)
    tmp_path.chmod(0o700)


def test_a_ledger_locked_by_another_process_for_too_long_is_reported_as_busy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(path, SCOPE).close()
    monkeypatch.setattr(ledger_file, "BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerBusy):
        Store(path, SCOPE)
    holder.close()
    Store(path, SCOPE).close()


@pytest.mark.skipif(strace_is_missing() is not None, reason=strace_is_missing() or "")
def test_a_read_error_of_the_disk_is_not_reported_as_a_damaged_ledger(path: Path) -> None:
    """SQLite reports both as malformed; setting a valid ledger aside would lose what was paid for."""
    Store(path, SCOPE).close()
    whole = path.read_bytes()
    opens = (
        "from pathlib import Path; from apiframe_studio.api.v1.terms import V1_TERMS; from apiframe_studio.ledger "
        "import Scope; from apiframe_studio.ledger.store import Store; "
        f"Store(Path({str(path)!r}), Scope('local', ''), terms=V1_TERMS)"
    )
    unreadable = ["-e", "trace=pread64", "-e", "inject=pread64:error=EIO:when=2+", "-P", str(path)]
    command = ["strace", "-f", "-qq", "-o", os.devnull, *unreadable, sys.executable, "-c", opens]
    run = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert "LedgerUnusable" in run.stderr.splitlines()[-1]
    assert path.read_bytes() == whole
    assert not list(path.parent.glob("*damaged*"))


def test_a_partly_created_ledger_is_completed_by_the_next_open(path: Path) -> None:
    """A kill between the creation of the file and the first migration leaves an empty file."""
    path.parent.mkdir()
    path.touch()
    store = Store(path, SCOPE)
    sending(store)
    store.close()


def test_only_one_of_two_concurrent_opens_migrates(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path, isolation_level=None) as first:
        first.execute("BEGIN IMMEDIATE")
        first.execute("ROLLBACK")
    first.close()
    stores = [Store(path, SCOPE), Store(path, SCOPE)]
    assert sending(stores[0]).ref == stores[1].page(Kind.TRAINING, EPOCH, limit=1000).rows[0].ref
    for store in stores:
        store.close()


def test_only_the_first_process_begins_to_send(path: Path) -> None:
    stores = [Store(path, SCOPE), Store(path, SCOPE)]
    row, is_new = stores[0].get_or_create(NEW, EPOCH)
    known, is_new_again = stores[1].get_or_create(NEW, EPOCH)
    assert (is_new, is_new_again, known.ref) == (True, False, row.ref)
    begun = [store.begin_sending(row.ref, EPOCH, LEASE) for store in stores]
    assert [begin is not None for begin in begun] == [True, False]
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    ("later", "state"),
    [
        (0.0, State.SENDING),
        (LEASE, State.SENDING),
        (LEASE + 0.1, State.UNCONFIRMED),
        (-10.0, State.SENDING),
        (-4_000.0, State.UNCONFIRMED),
    ],
    ids=["at once", "to the second", "after the lease", "clock a little back", "clock far back"],
)
def test_the_lease_of_a_crashed_sender_is_respected_until_it_ends(
    path: Path, later: float, state: State
) -> None:
    store = Store(path, SCOPE)
    row = sending(store)
    (listed,) = store.page(Kind.TRAINING, EPOCH + later, limit=1000).rows
    assert listed.state is found(store, row.ref, EPOCH + later).state is state
    assert store.get_or_create(NEW, EPOCH + later)[0].state is state
    assert store.resolve(row.ref, Event.USER_SAYS_SEND_AGAIN, None, EPOCH + later) is None or (
        state is State.UNCONFIRMED
    )
    store.close()


def test_an_id_that_could_not_be_written_is_replayed_from_the_spool(path: Path) -> None:
    store = Store(path, SCOPE)
    row = sending(store)
    store.spool(row.ref, row.attempt, "train-1", EPOCH + 2)
    store.close()
    store = Store(path, SCOPE)
    kept = found(store, "train-1", EPOCH + 10_000)
    assert (kept.ref, kept.state, kept.accepted_at) == (row.ref, State.QUEUED, EPOCH + 2)
    assert os.listdir(path.parent / "ledger-spool") == []
    store.close()


def test_a_spooled_id_is_replayed_before_the_user_can_decide_otherwise(path: Path) -> None:
    store = Store(path, SCOPE)
    row = sending(store)
    store.spool(row.ref, row.attempt, "train-1", EPOCH)
    assert store.resolve(row.ref, Event.USER_SAYS_SEND_AGAIN, None, EPOCH + 1_000) is None
    assert found(store, row.ref).task_id == "train-1"
    store.close()


def test_an_id_recorded_twice_is_one_row(path: Path) -> None:
    """Resent meanwhile: the first response gets a separate row, even if spool and webhook both report it."""
    store = Store(path, SCOPE)
    first = sending(store)
    store.resolve(first.ref, Event.USER_SAYS_SEND_AGAIN, None, EPOCH + 1_000)
    second = store.begin_sending(first.ref, EPOCH + 1_000, LEASE)
    assert second is not None
    for _ in range(2):
        store.record_response(first.ref, 1, Event.ACCEPTED, Answer(task_id="train-late"), EPOCH + 1_001)
    store.record_response(second.ref, 2, Event.ACCEPTED, Answer(task_id="train-2"), EPOCH + 1_002)
    rows = store.page(Kind.TRAINING, EPOCH, limit=1000).rows
    assert sorted(str(row.task_id) for row in rows) == ["train-2", "train-late"]
    store.close()


@pytest.mark.parametrize("junk", [b"", b" " * 1024, b'{"ref": "tr-1"', b"[]", b"\xff\xfe", b'{"ref": 1}'])
def test_invalid_files_in_the_spool_are_skipped(path: Path, junk: bytes) -> None:
    store = Store(path, SCOPE)
    row = sending(store)
    (path.parent / "ledger-spool" / f"{row.ref}-1.id").write_bytes(junk)
    store.close()
    store = Store(path, SCOPE)
    assert found(store, row.ref).state is State.SENDING
    store.close()


def test_without_a_spool_nothing_is_sent(path: Path) -> None:
    store = Store(path, SCOPE)
    row, _ = store.get_or_create(NEW, EPOCH)
    (path.parent / "ledger-spool").write_text("in the way")
    with pytest.raises(LedgerError):
        store.begin_sending(row.ref, EPOCH, LEASE)
    assert found(store, row.ref).state is State.INTENT
    store.close()


def test_no_verb_reads_or_changes_a_row_of_another_owner(path: Path) -> None:
    store = Store(path, SCOPE)
    row = sending(store)
    store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="train-1"), EPOCH)
    store.record_status(row.ref, Observation(EPOCH, State.PROCESSING, 40.0))
    saved = [SavedImage(row.ref, 1, "/portraits/anna.jpg", "image/jpeg", EPOCH)]
    store.save_images(saved)
    before = found(store, row.ref)
    other = Store(path, replace(SCOPE, owner="another"))
    assert other.find(row.ref, EPOCH) is None
    assert other.find("train-1", EPOCH) is None
    assert other.find_with_history(row.ref, EPOCH) is None
    assert other.page(Kind.TRAINING, EPOCH, limit=5) == RowPage([], 0)
    assert other.unsettled(EPOCH) == RowPage([], 0)
    assert not other.subjects("", limit=5)
    assert not other.history(row.ref)
    assert not other.images_of(row.ref)
    assert not other.find_related("Anna")
    assert other.begin_sending(row.ref, EPOCH, LEASE) is None
    assert other.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="train-2"), EPOCH) is None
    assert other.record_status(row.ref, Observation(EPOCH, State.FAILED)) is None
    assert other.mark_missing(row.ref, EPOCH) is None
    assert other.resolve(row.ref, Event.USER_GIVES_UP, None, EPOCH + 1e6) is None
    assert other.rename(row.ref, "Berta") is None
    assert other.save_images(saved) == saved
    assert other.forget_subject("Anna", [row.ref], EPOCH) == ([], [])
    with pytest.raises(UnknownCursor):
        other.page(Kind.TRAINING, EPOCH, before=row.ref, limit=5)
    assert found(store, row.ref) == before
    assert len(store.history(row.ref)) == 1
    assert store.images_of(row.ref) == saved
    other.close()
    store.close()


def test_an_id_spooled_for_one_owner_waits_for_that_owner(path: Path) -> None:
    store = Store(path, SCOPE)
    row = sending(store)
    store.spool(row.ref, 1, "train-1", EPOCH)
    Store(path, replace(SCOPE, owner="another")).close()
    assert found(store, row.ref).state is State.SENDING
    store.close()
    store = Store(path, SCOPE)
    assert found(store, "train-1").ref == row.ref
    store.close()


def test_rows_of_every_service_of_an_owner_are_listed_and_found(path: Path) -> None:
    store = Store(path, SCOPE)
    row = sending(store)
    store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="train-1"), EPOCH)
    other = Store(path, replace(SCOPE, service="https://elsewhere.invalid v1"))
    assert [listed.ref for listed in other.page(Kind.TRAINING, EPOCH, limit=5).rows] == [row.ref]
    assert other.page(Kind.TRAINING, EPOCH, here=True, limit=5).rows == []
    assert found(other, "train-1").ref == found(other, row.ref).ref == row.ref
    assert other.subjects("", limit=5) == ["Anna"]
    # Duplicates and ids of tasks are those of one service.
    again, is_new = other.get_or_create(NEW, EPOCH)
    assert is_new
    other.begin_sending(again.ref, EPOCH, LEASE)
    other.record_response(again.ref, 1, Event.ACCEPTED, Answer(task_id="train-1"), EPOCH)
    assert found(other, "train-1").ref == again.ref
    assert found(store, "train-1").ref == row.ref
    other.close()
    store.close()


@posix
def test_opening_a_ledger_again_keeps_the_locks_of_this_process(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system drops a process's locks on a file whenever the process closes any descriptor of it."""
    store = Store(path, SCOPE)
    with store._transaction():
        monkeypatch.setattr(ledger_file, "BUSY_SECONDS", 0.1)
        with pytest.raises(LedgerBusy):
            Store(path, SCOPE)
        begins = f"import sqlite3; sqlite3.connect({str(path)!r}, 0, isolation_level=None).execute('BEGIN IMMEDIATE')"
        run = subprocess.run([sys.executable, "-c", begins], capture_output=True, text=True, check=False)
    assert "database is locked" in run.stderr
    store.close()
