"""If several processes or calls start the same photos at the same time, one pays and all get its row."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from unittest.mock import patch

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.ledger import Answer, Kind, NewTraining, Scope, queries
from apiframe_studio.ledger.errors import LedgerDamaged
from apiframe_studio.ledger.states import Event, State
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.trainings import TrainingRequest

from ..faults.child_process import ForkServer, Job, PaidService, id_for
from ..v1_store import Store

pytestmark = pytest.mark.slow

SCOPE = Scope("local", "s")
KEY = SecretStr("v1-test-key-0123456789")
ROUNDS = 8
forks = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


@pytest.fixture
def service() -> Iterator[PaidService]:
    with PaidService.open() as open_service:
        yield open_service


@pytest.fixture
def fork_server() -> Iterator[ForkServer]:
    with ForkServer.open() as open_server:
        yield open_server


def last_outputs(ends: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert [end["ended"] for end in ends] == [0] * len(ends)
    return [end["output"][-1] for end in ends]


@forks
def test_one_of_four_processes_pays_and_all_get_its_training(
    service: PaidService, fork_server: ForkServer, tmp_path: Path
) -> None:
    for number in range(ROUNDS):
        # In half of the rounds the processes also race to create the ledger.
        ledger = tmp_path / (f"{number}" if number % 2 else "shared") / "ledger.sqlite3"
        photos = f"images-{number}"
        answers = last_outputs(fork_server.run(Job(str(ledger), service.base_url, photos, children=4)))
        assert {answer["task_id"] for answer in answers} == {id_for(photos)}
        assert len({answer["ref"] for answer in answers}) == 1
        assert Counter(answer["deduplicated"] for answer in answers) == {True: 3, False: 1}
    paid = Counter(str(request.json()) for request in service.trainings())
    assert len(paid) == ROUNDS
    assert set(paid.values()) == {1}


@forks
@pytest.mark.long
def test_one_of_four_processes_pays_in_two_hundred_rounds(
    service: PaidService, fork_server: ForkServer, tmp_path: Path
) -> None:
    for number in range(200):
        ledger = str(tmp_path / str(number // 10) / "ledger.sqlite3")
        last_outputs(fork_server.run(Job(ledger, service.base_url, f"images-{number}", children=4)))
    assert set(Counter(str(request.json()) for request in service.trainings()).values()) == {1}


async def test_one_of_fifty_calls_in_one_process_pays(service: PaidService, tmp_path: Path) -> None:
    studio = Studio(StudioConfig(tmp_path / "ledger.sqlite3", service.base_url, KEY))
    results = []

    async def start() -> None:
        results.append(await studio.trainings.start(TrainingRequest("images-1", "TOKSIS")))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(start)
        rows = (await studio.ledger.page(Kind.TRAINING, studio.clock.now(), limit=50)).rows
        await studio.aclose()
    assert len(service.trainings()) == 1
    assert [row.task_id for row in rows] == [id_for("images-1")]
    assert {(result.ref, result.state) for result in results} == {(rows[0].ref, State.QUEUED)}
    assert sum(not result.deduplicated for result in results) == 1


def test_a_damaged_ledger_is_set_aside_once_by_concurrent_opens(tmp_path: Path) -> None:
    """Of eight concurrent opens one moves the file; none overwrites it or moves the new ledger away."""
    for number in range(10):
        path = tmp_path / str(number) / "ledger.sqlite3"
        path.parent.mkdir()
        damaged = b"SQLite format 3\x00" + bytes([7 + number]) * 8_000
        path.write_bytes(damaged)

        def open_ledger(_: int, path: Path = path) -> Path | None:
            try:
                Store(path, SCOPE).close()
            except LedgerDamaged as error:
                return error.set_aside
            return None

        with ThreadPoolExecutor(8) as pool:
            reported = set(pool.map(open_ledger, range(8))) - {None}
        aside = list(path.parent.glob("ledger.sqlite3.damaged-*"))
        assert [file.read_bytes() for file in aside] == [damaged]
        assert reported == set(aside)
        Store(path, SCOPE).close()


RACER = """
import sys
from pathlib import Path
from apiframe_studio.ledger import Kind, NewTraining, Scope
from apiframe_studio.ledger.errors import TaskIdTaken
from apiframe_studio.ledger.store import Store
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.ledger.states import Event

path, verb, ref = sys.argv[1:]
store = Store(Path(path), Scope("local", "s"), terms=V1_TERMS)
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    task_id = f"made-elsewhere-{number}"
    if verb == "import":
        row, is_new = store.import_task(Kind.TRAINING, task_id, "Anna", 1.0)
        print(row.ref, is_new)
    else:
        try:
            decided = store.resolve(f"{ref}{number:06}", Event.USER_SAYS_ACCEPTED, task_id, 1.0)
            print(decided.ref, decided.task_id == task_id)
        except TaskIdTaken as taken:
            print(taken.row.ref, False)
store.close()
"""
"""A process that imports or accepts twenty ids while others do the same."""


def race(ledger: Path, verb: str) -> list[list[list[str]]]:
    """Return the output lines of three concurrent processes, split into words."""
    with ExitStack() as stack:
        racers = [
            stack.enter_context(
                Popen(
                    [sys.executable, "-c", RACER, str(ledger), verb, f"tr-{name}"],
                    stdin=PIPE,
                    stdout=PIPE,
                    text=True,
                )
            )
            for name in "abc"
        ]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        outputs = [racer.communicate(timeout=90)[0] for racer in racers]
    return [[line.split() for line in output.splitlines()] for output in outputs]


def test_an_id_imported_by_three_processes_at_once_is_one_row(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite3"
    store = Store(ledger, SCOPE)
    for lines in zip(*race(ledger, "import"), strict=True):
        assert len({ref for ref, _ in lines}) == 1
        assert sorted(is_new for _, is_new in lines) == ["False", "False", "True"]
    assert store.page(Kind.TRAINING, 1.0, limit=1).total == 20
    store.close()


def test_an_id_given_to_three_submissions_at_once_belongs_to_one_of_them(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite3"
    store = Store(ledger, SCOPE)
    refs = iter([f"tr-{name}{number:06}" for name in "abc" for number in range(20)])
    with patch.object(queries, "new_ref", lambda _prefix: next(refs)):
        for number in range(60):
            row, _ = store.get_or_create(NewTraining(f"images-{number}"), 1.0)
            store.begin_sending(row.ref, 1.0, 60)
            store.record_response(row.ref, 1, Event.UNCLEAR, Answer(), 1.0)
    for lines in zip(*race(ledger, "accept"), strict=True):
        assert len({ref for ref, _ in lines}) == 1
        assert sorted(mine for _, mine in lines) == ["False", "False", "True"]
    accepted = store.page(Kind.TRAINING, 1.0, states=[State.QUEUED], limit=60)
    assert Counter(row.task_id for row in accepted.rows) == {f"made-elsewhere-{n}": 1 for n in range(20)}
    store.close()
