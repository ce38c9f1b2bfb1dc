"""What is on disk, and not only in the system's memory, before a paid request leaves: by the order of system calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from .nursery import Errand, Nursery, PaidService, strace_is_missing

REASON = strace_is_missing()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

WRITES = ("pwrite64", "write", "ftruncate")
SYNCS = ("fsync", "fdatasync")
WATCHED = (*WRITES, *SYNCS, "unlink", "connect")
CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?:\d+<(?P<file>[^>]*)>|\"(?P<path>[^\"]*)\")?")


@dataclass(frozen=True)
class Call:
    """One system call, and the file that it was about."""

    name: str
    path: str


def calls_of(trace: Path) -> Iterator[Call]:
    for line in trace.read_text(errors="replace").splitlines():
        if found := CALL.match(line):
            yield Call(found["name"], found["file"] or found["path"] or "")


@pytest.fixture
def calls(tmp_path: Path) -> tuple[Sequence[Call], Path]:
    """Every call of one start of a training that concerns the disk or the network, in order; and the data folder."""
    folder, trace = tmp_path / "data", tmp_path / "trace"
    watch = ["-f", "-qq", "-y", "-o", str(trace), "-e", f"trace={','.join(WATCHED)}"]
    with PaidService.open() as service, Nursery.open() as nursery:
        errand = Errand(str(folder / "ledger.sqlite3"), service.base_url, "images-1", strace=watch)
        # Twice, for other photos: making the ledger is not what is measured.
        for photos in ("images-1", "images-2"):
            (end,) = nursery.run(replace(errand, photos=photos))
            assert end["ended"] == 0, end
        assert len(service.trainings()) == 2
    return list(calls_of(trace)), folder


def test_ledger_journal_and_spool_are_synced_before_the_connection_is_opened(
    calls: tuple[Sequence[Call], Path],
) -> None:
    made, folder = calls
    (connected,) = [number for number, call in enumerate(made) if call.name == "connect"]
    before = made[:connected]
    ledger, journal = str(folder / "ledger.sqlite3"), str(folder / "ledger.sqlite3-journal")
    (room,) = {call.path for call in before if call.path.endswith("-1.id")}
    for path in (ledger, journal, room):
        assert place(before, path, WRITES) < place(before, path, SYNCS), path
    # The commit is the unlinking of the journal, and only a synced folder keeps it from coming back.
    assert place(before, journal, ("unlink",)) < place(before, str(folder), SYNCS)
    assert place(before, room, WRITES) < place(before, str(folder / "ledger-spool"), SYNCS)
    # First the room for the id, then the state that says that it is being sent.
    assert place(before, room, SYNCS) < place(before, ledger, WRITES)


def test_the_id_that_came_back_is_synced_before_it_is_answered(calls: tuple[Sequence[Call], Path]) -> None:
    made, folder = calls
    (connected,) = [number for number, call in enumerate(made) if call.name == "connect"]
    after = made[connected:]
    ledger, journal = str(folder / "ledger.sqlite3"), str(folder / "ledger.sqlite3-journal")
    for path in (ledger, journal):
        assert place(after, path, WRITES) < place(after, path, SYNCS), path
    assert place(after, journal, ("unlink",)) < place(after, str(folder), SYNCS)
    # The room is given back only when the ledger knows.
    (released,) = [
        number for number, call in enumerate(after) if call.name == "unlink" and "-1.id" in call.path
    ]
    assert place(after, journal, ("unlink",)) < released


def place(calls: Sequence[Call], path: str, names: Sequence[str]) -> int:
    """Where the last of these calls for this file is."""
    found = [number for number, call in enumerate(calls) if call.path == path and call.name in names]
    assert found, f"no {' or '.join(names)} of {path}"
    return found[-1]
