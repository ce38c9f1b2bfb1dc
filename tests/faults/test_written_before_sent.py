"""The order of system calls shows what is synced to disk before a paid request is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from .child_process import ForkServer, Job, PaidService, strace_is_missing

REASON = strace_is_missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(REASON is not None, reason=REASON or ""),
    pytest.mark.no_coverage("coverage writes files, and the order of all writes is compared"),
]

WRITES = ("pwrite64", "write", "ftruncate")
SYNCS = ("fsync", "fdatasync")
WATCHED = (*WRITES, *SYNCS, "unlink", "connect")
CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?:\d+<(?P<file>[^>]*)>|\"(?P<path>[^\"]*)\")?")


@dataclass(frozen=True)
class Call:
    """One system call and its file."""

    name: str
    path: str


def calls_of(trace: Path) -> Iterator[Call]:
    for line in trace.read_text(errors="replace").splitlines():
        if found := CALL.match(line):
            yield Call(found["name"], found["file"] or found["path"] or "")


@pytest.fixture
def calls(tmp_path: Path) -> tuple[Sequence[Call], Path]:
    """The disk and network calls of one start of a training, in order, and the data folder."""
    folder, trace = tmp_path / "data", tmp_path / "trace"
    watch = ["-f", "-qq", "-y", "-o", str(trace), "-e", f"trace={','.join(WATCHED)}"]
    with PaidService.open() as service, ForkServer.open() as fork_server:
        job = Job(str(folder / "ledger.sqlite3"), service.base_url, "images-1", strace=watch)
        # Twice, with different photos, so that the creation of the ledger is not part of the trace.
        for photos in ("images-1", "images-2"):
            (end,) = fork_server.run(replace(job, photos=photos))
            assert end["ended"] == 0, end
        assert len(service.trainings()) == 2
    return list(calls_of(trace)), folder


def test_ledger_journal_and_spool_are_synced_before_the_connection_is_opened(
    calls: tuple[Sequence[Call], Path],
) -> None:
    trace, folder = calls
    (connected,) = [number for number, call in enumerate(trace) if call.name == "connect"]
    before = trace[:connected]
    ledger, journal = str(folder / "ledger.sqlite3"), str(folder / "ledger.sqlite3-journal")
    (reserved,) = {call.path for call in before if call.path.endswith("-1.id")}
    for path in (ledger, journal, reserved):
        assert last_index(before, path, WRITES) < last_index(before, path, SYNCS), path
    # Unlinking the journal commits the transaction; the folder must be synced or the journal may reappear.
    assert last_index(before, journal, ("unlink",)) < last_index(before, str(folder), SYNCS)
    assert last_index(before, reserved, WRITES) < last_index(before, str(folder / "ledger-spool"), SYNCS)
    # First the space for the id is reserved, then the state SENDING is committed.
    assert last_index(before, reserved, SYNCS) < last_index(before, ledger, WRITES)


def test_the_returned_id_is_synced_before_the_call_returns(calls: tuple[Sequence[Call], Path]) -> None:
    trace, folder = calls
    (connected,) = [number for number, call in enumerate(trace) if call.name == "connect"]
    after = trace[connected:]
    ledger, journal = str(folder / "ledger.sqlite3"), str(folder / "ledger.sqlite3-journal")
    for path in (ledger, journal):
        assert last_index(after, path, WRITES) < last_index(after, path, SYNCS), path
    assert last_index(after, journal, ("unlink",)) < last_index(after, str(folder), SYNCS)
    # The reserved space is released only after the ledger has the id.
    (released,) = [
        number for number, call in enumerate(after) if call.name == "unlink" and "-1.id" in call.path
    ]
    assert last_index(after, journal, ("unlink",)) < released


def last_index(calls: Sequence[Call], path: str, names: Sequence[str]) -> int:
    """Return the index of the last of these calls for this file."""
    found = [number for number, call in enumerate(calls) if call.path == path and call.name in names]
    assert found, f"no {' or '.join(names)} of {path}"
    return found[-1]
