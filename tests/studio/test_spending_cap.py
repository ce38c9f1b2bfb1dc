"""No more than the person allows is spent within a day, however many processes try at once."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.generations import PicturesWish
from apiframe_studio.ledger import SpendingCapReached
from apiframe_studio.ledger.book import Book
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox
from apiframe_studio.studio import Studio, StudioPlan
from apiframe_studio.submission import State
from apiframe_studio.trainings import TrainingWish

from .stepped_clock import SteppedClock


@asynccontextmanager
async def opened(
    folder: Path, cap: float | None, sandbox: Sandbox, clock: SteppedClock
) -> AsyncGenerator[Studio]:
    plan = StudioPlan(
        folder / "ledger.sqlite3",
        SANDBOX_URL,
        SecretStr(SANDBOX_KEY),
        stand_in=lambda: sandbox.app,
        is_sandbox=True,
        credits_a_day=cap,
        output_folder=folder / "portraits",
    )
    studio = Studio(plan, clock)
    with anyio.fail_after(20):
        yield studio
    await studio.aclose()


async def test_a_set_of_unknown_size_counts_with_the_most_it_can_cost(tmp_path: Path) -> None:
    clock = SteppedClock()
    sandbox = Sandbox(clock=clock.now)
    async with opened(tmp_path, 119, sandbox, clock) as studio:
        with pytest.raises(SpendingCapReached) as reached:
            await studio.trainings.start(TrainingWish("sandbox-person"))
        assert sandbox.store.requests() == []
    assert (reached.value.cap, reached.value.spent, reached.value.needed) == (119, 0, 120)
    async with opened(tmp_path, 120, sandbox, clock) as studio:
        assert (await studio.trainings.start(TrainingWish("sandbox-person"))).state is State.QUEUED


async def test_spending_counts_for_24_hours_over_every_kind_and_what_is_free_stays_free(
    tmp_path: Path,
) -> None:
    clock = SteppedClock()
    sandbox = Sandbox(clock=clock.now)
    async with opened(tmp_path, 123, sandbox, clock) as studio:
        begun = await studio.trainings.start(TrainingWish("sandbox-person", subject="Anna"))
        clock.step(1000)
        await studio.trainings.look(begun.ref or "")
        three = PicturesWish("by the sea", subject="Anna", number_of_images=3, seed=1)
        made = await studio.generations.generate(three, 20)
        paid = sandbox.store.paid()
        with pytest.raises(SpendingCapReached) as reached:
            await studio.generations.generate(PicturesWish("by a lake", subject="Anna"), 20)
        assert (reached.value.spent, reached.value.needed) == (123, 1)
        again = await studio.generations.generate(three, 20)
        assert (again.row.ref, again.deduplicated) == (made.row.ref, True)
        assert sandbox.store.paid() == paid
        clock.step(24 * 3600 - 900)
        lake = await studio.generations.generate(PicturesWish("by a lake", subject="Anna"), 20)
        assert lake.row.state is State.FINISHED


async def test_what_was_refused_or_never_sent_does_not_count(tmp_path: Path) -> None:
    clock = SteppedClock()
    sandbox = Sandbox(clock=clock.now)
    async with opened(tmp_path, 150, sandbox, clock) as studio:
        for number in range(3):
            with pytest.raises(Exception, match="tr-"):
                await studio.trainings.start(TrainingWish(f"never-uploaded-{number}"))
        assert (await studio.trainings.start(TrainingWish("sandbox-person"))).state is State.QUEUED


RACER = """
import sys
from pathlib import Path
from apiframe_studio.ledger import Kind, NewSubmission, SpendingCapReached
from apiframe_studio.ledger.book import Book

book = Book(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(4):
    new = NewSubmission(Kind.GENERATION, "s", "local", f"{sys.argv[2]} {number}", credits=1.0, photos=1)
    row, _ = book.admit(new, 1.0)
    try:
        print("sent" if book.begin_sending(row.ref, 1.0, 60, 5.0) else "lost")
    except SpendingCapReached:
        print("capped")
book.close()
"""
"""One process that wants to send four pictures' worth, one after another, where five may be sent a day."""


def test_racing_processes_cannot_pass_the_cap_together(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite3"
    Book(ledger).close()
    with ExitStack() as racers:
        started = [
            racers.enter_context(
                Popen([sys.executable, "-c", RACER, str(ledger), name], stdin=PIPE, stdout=PIPE, text=True)
            )
            for name in "abc"
        ]
        for racer in started:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in started:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        said = [word for racer in started for word in racer.communicate(timeout=20)[0].split()]
    assert Counter(said) == {"sent": 5, "capped": 7}
