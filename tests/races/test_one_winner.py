"""Several processes, and several calls of one process, start the same photos at once: one pays, all get the row."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.ledger import Kind, LedgerDamaged
from apiframe_studio.ledger.book import Book
from apiframe_studio.studio import Studio, StudioPlan
from apiframe_studio.submission import State
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
