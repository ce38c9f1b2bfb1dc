"""Several processes, and several calls of one process, start the same photos at once: one pays, all get the row."""

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

from apiframe_studio.ledger import Answer, Kind, LedgerDamaged, NewSubmission, table
from apiframe_studio.ledger.book import Book
from apiframe_studio.studio import Studio, StudioPlan
from apiframe_studio.submission import Event, State
from apiframe_studio.trainings import TrainingWish

from ..faults.nursery import Errand, Nursery, PaidService, id_for

KEY = SecretStr("v1-key-of-nobody-0123456789")
ROUNDS = 8
forks = pytest.mark.skipif(sys.platform == "win32", reason="the children are forks, which Windows has not")


@pytest.fixture
def service() -> Iterator[PaidService]:
    with PaidService.open() as open_service:
        yield open_service


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with Nursery.open() as open_nursery:
        yield open_nursery


def said(ends: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert [end["ended"] for end in ends] == [0] * len(ends)
    return [end["said"][-1] for end in ends]


@forks
def test_of_four_processes_one_pays_and_all_get_its_training(
    service: PaidService, nursery: Nursery, tmp_path: Path
) -> None:
    for number in range(ROUNDS):
        # Half of the rounds also race for making the ledger.
        ledger = tmp_path / (f"{number}" if number % 2 else "shared") / "ledger.sqlite3"
        photos = f"images-{number}"
        answers = said(nursery.run(Errand(str(ledger), service.base_url, photos, children=4)))
        assert {answer["task_id"] for answer in answers} == {id_for(photos)}
        assert len({answer["ref"] for answer in answers}) == 1
        assert Counter(answer["deduplicated"] for answer in answers) == {True: 3, False: 1}
    paid = Counter(str(request.json()) for request in service.trainings())
    assert len(paid) == ROUNDS
    assert set(paid.values()) == {1}


@forks
@pytest.mark.long
def test_of_four_processes_one_pays_two_hundred_times(
    service: PaidService, nursery: Nursery, tmp_path: Path
) -> None:
    for number in range(200):
        ledger = str(tmp_path / str(number // 10) / "ledger.sqlite3")
        said(nursery.run(Errand(ledger, service.base_url, f"images-{number}", children=4)))
    assert set(Counter(str(request.json()) for request in service.trainings()).values()) == {1}


async def test_of_fifty_calls_in_one_process_one_pays(service: PaidService, tmp_path: Path) -> None:
    studio = Studio(StudioPlan(tmp_path / "ledger.sqlite3", service.base_url, KEY))
    results = []

    async def start() -> None:
        results.append(await studio.trainings.start(TrainingWish("images-1", "TOKSIS")))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(start)
        rows = await studio.ledger.list(Kind.TRAINING, studio.clock.now())
        await studio.aclose()
    assert len(service.trainings()) == 1
    assert [row.task_id for row in rows] == [id_for("images-1")]
    assert {(result.ref, result.state) for result in results} == {(rows[0].ref, State.QUEUED)}
    assert sum(not result.deduplicated for result in results) == 1


def test_a_damaged_ledger_is_set_aside_once_however_many_meet_it(tmp_path: Path) -> None:
    """Eight openings at once: one moves it, none overwrites it, and none moves the new one away."""
    for number in range(10):
        path = tmp_path / str(number) / "ledger.sqlite3"
        path.parent.mkdir()
        damaged = b"SQLite format 3\x00" + bytes([7 + number]) * 8_000
        path.write_bytes(damaged)

        def meet(_: int, path: Path = path) -> Path | None:
            try:
                Book(path).close()
            except LedgerDamaged as met:
                return met.set_aside
            return None

        with ThreadPoolExecutor(8) as pool:
            told = set(pool.map(meet, range(8))) - {None}
        aside = list(path.parent.glob("ledger.sqlite3.damaged-*"))
        assert [file.read_bytes() for file in aside] == [damaged]
        assert told == set(aside)
        Book(path).close()


RACER = """
import sys
from pathlib import Path
from apiframe_studio.ledger import IdTaken, Kind, NewSubmission
from apiframe_studio.ledger.book import Book
from apiframe_studio.submission import Event

path, verb, ref = sys.argv[1:]
book = Book(Path(path))
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    task_id = f"made-elsewhere-{number}"
    if verb == "adopt":
        row, is_new = book.adopt(NewSubmission(Kind.TRAINING, "s", "local", "", subject="Anna"), task_id, 1.0)
        print(row.ref, is_new)
    else:
        try:
            decided = book.decide(f"{ref}{number:06}", Event.PERSON_SAYS_ACCEPTED, task_id, 1.0)
            print(decided.ref, decided.task_id == task_id)
        except IdTaken as taken:
            print(taken.row.ref, False)
book.close()
"""
"""One process that takes twenty ids in, each under its own name, while others do the same."""


def raced(ledger: Path, verb: str) -> list[list[list[str]]]:
    """What three processes at once said, line by line."""
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
        said = [racer.communicate(timeout=20)[0] for racer in racers]
    return [[line.split() for line in words.splitlines()] for words in said]


def test_an_id_that_three_processes_take_in_at_once_is_one_row(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite3"
    book = Book(ledger)
    for lines in zip(*raced(ledger, "adopt"), strict=True):
        assert len({ref for ref, _ in lines}) == 1
        assert sorted(is_new for _, is_new in lines) == ["False", "False", "True"]
    assert book.page("s", "local", Kind.TRAINING, 1.0, limit=1).total == 20
    book.close()


def test_an_id_that_three_people_give_to_three_submissions_at_once_is_one_of_theirs(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite3"
    book = Book(ledger)
    refs = iter([f"tr-{name}{number:06}" for name in "abc" for number in range(20)])
    with patch.object(table, "_new_ref", lambda _kind: next(refs)):
        for number in range(60):
            row, _ = book.admit(NewSubmission(Kind.TRAINING, "s", "local", f"images-{number}"), 1.0)
            book.begin_sending(row.ref, 1.0, 60)
            book.settle(row.ref, 1, Event.UNCLEAR, Answer(), 1.0)
    for lines in zip(*raced(ledger, "accept"), strict=True):
        assert len({ref for ref, _ in lines}) == 1
        assert sorted(mine for _, mine in lines) == ["False", "False", "True"]
    accepted = book.page("s", "local", Kind.TRAINING, 1.0, states=[State.QUEUED], limit=60)
    assert Counter(row.task_id for row in accepted.rows) == {f"made-elsewhere-{n}": 1 for n in range(20)}
    book.close()
