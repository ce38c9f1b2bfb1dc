"""The daily limit is never exceeded, not even by concurrent processes."""

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

from apiframe_studio.images import ImageRequest
from apiframe_studio.ledger import Answer, Kind, NewImages, NewTraining, Scope
from apiframe_studio.ledger.errors import SpendingCapReached
from apiframe_studio.ledger.states import Event, State
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.trainings import TrainingRequest

from ..v1_store import Store
from .new_submissions import new_submission
from .stepped_clock import SteppedClock

SCOPE = Scope("local", "s")
NOW = 1_000.0


@asynccontextmanager
async def opened(
    folder: Path, cap: float | None, sandbox: Sandbox, clock: SteppedClock
) -> AsyncGenerator[Studio]:
    plan = StudioConfig(
        folder / "ledger.sqlite3",
        SANDBOX_URL,
        SecretStr(SANDBOX_KEY),
        app_factory=lambda: sandbox.app,
        is_sandbox=True,
        max_credits_per_day=cap,
        output_folder=folder / "portraits",
    )
    studio = Studio(plan, clock)
    with anyio.fail_after(60):
        yield studio
    await studio.aclose()


async def test_a_set_of_unknown_size_counts_with_its_maximum_cost(tmp_path: Path) -> None:
    clock = SteppedClock()
    sandbox = Sandbox(clock=clock.now)
    async with opened(tmp_path, 119, sandbox, clock) as studio:
        with pytest.raises(SpendingCapReached) as reached:
            await studio.trainings.start(TrainingRequest("sandbox-person"))
        assert sandbox.store.list_requests() == []
        assert (await studio.trainings.list()).unsettled_total == 0, "nothing waits to be sent another day"
    assert (reached.value.cap, reached.value.spent, reached.value.needed) == (119, 0, 120)
    async with opened(tmp_path, 120, sandbox, clock) as studio:
        assert (await studio.trainings.start(TrainingRequest("sandbox-person"))).state is State.QUEUED


@pytest.mark.slow
async def test_spending_of_every_kind_counts_for_24_hours_and_free_requests_cost_nothing(
    tmp_path: Path,
) -> None:
    clock = SteppedClock()
    sandbox = Sandbox(clock=clock.now)
    async with opened(tmp_path, 123, sandbox, clock) as studio:
        begun = await studio.trainings.start(TrainingRequest("sandbox-person", subject="Anna"))
        clock.step(1000)
        await studio.trainings.check(begun.ref or "")
        three = ImageRequest("by the sea", subject="Anna", number_of_images=3, seed=1)
        made = await studio.images.generate(three, 20)
        paid = sandbox.store.count_paid()
        with pytest.raises(SpendingCapReached) as reached:
            await studio.images.generate(ImageRequest("by a lake", subject="Anna"), 20)
        assert (reached.value.spent, reached.value.needed) == (123, 1)
        again = await studio.images.generate(three, 20)
        assert (again.row.ref, again.deduplicated) == (made.row.ref, True)
        assert sandbox.store.count_paid() == paid
        clock.step(24 * 3600 - 900)
        lake = await studio.images.generate(ImageRequest("by a lake", subject="Anna"), 20)
        assert lake.row.state is State.FINISHED


async def test_a_rejected_or_unsent_request_does_not_count(tmp_path: Path) -> None:
    clock = SteppedClock()
    sandbox = Sandbox(clock=clock.now)
    async with opened(tmp_path, 150, sandbox, clock) as studio:
        for number in range(3):
            with pytest.raises(Exception, match="tr-"):
                await studio.trainings.start(TrainingRequest(f"never-uploaded-{number}"))
        assert (await studio.trainings.start(TrainingRequest("sandbox-person"))).state is State.QUEUED


def attempt(
    store: Store, about: str, *ends: Event, kind: Kind = Kind.GENERATION, task_id: str | None = None
) -> str:
    """Record a request of 10 credits and the events of its sender and user. Returns its ref."""
    new = new_submission(kind, about, estimated_credits=10.0, photo_count=1, image_count=1)
    row, _ = store.get_or_create(new, NOW)
    sending = store.begin_sending(row.ref, NOW, 60)
    assert sending is not None
    for end in ends:
        if end in (Event.USER_GIVES_UP, Event.USER_SAYS_SEND_AGAIN):
            store.resolve(row.ref, end, None, NOW)
        else:
            store.record_response(row.ref, sending.attempt, end, Answer(task_id=task_id), NOW)
    return row.ref


def spent(store: Store) -> float:
    row, _ = store.get_or_create(NewImages("one", "more", estimated_credits=1.0), NOW)
    with pytest.raises(SpendingCapReached) as reached:
        store.begin_sending(row.ref, NOW, 60, 0.5)
    return reached.value.spent


@pytest.mark.parametrize(
    ("ends", "credits_spent"),
    [
        ((), 10),
        ((Event.ACCEPTED,), 10),
        ((Event.UNCLEAR,), 10),
        ((Event.UNCLEAR, Event.USER_GIVES_UP), 10),
        ((Event.UNCLEAR, Event.USER_SAYS_SEND_AGAIN), 10),
        ((Event.UNCLEAR, Event.REFUSED), 0),
        ((Event.REFUSED,), 0),
        ((Event.THROTTLED,), 0),
        ((Event.NOT_SENT,), 0),
    ],
    ids=str,
)
def test_every_attempt_counts_unless_it_provably_cost_nothing(
    tmp_path: Path, ends: tuple[Event, ...], credits_spent: float
) -> None:
    store = Store(tmp_path / "ledger.sqlite3", SCOPE)
    attempt(store, "images-1", *ends)
    assert spent(store) == credits_spent
    store.close()


def test_a_resent_request_counts_twice_and_its_orphan_id_not_a_third_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.sqlite3", SCOPE)
    ref = attempt(store, "images-1", Event.UNCLEAR, Event.USER_SAYS_SEND_AGAIN, kind=Kind.TRAINING)
    store.begin_sending(ref, NOW, 60)
    orphan = store.record_response(ref, 1, Event.ACCEPTED, Answer(task_id="late"), NOW)
    assert orphan is not None
    assert orphan.ref != ref
    assert spent(store) == 20
    store.close()


def test_an_unconfirmed_training_of_unknown_size_counts_with_its_maximum_cost(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.sqlite3", SCOPE)
    row, _ = store.get_or_create(NewTraining("never seen"), NOW)
    store.begin_sending(row.ref, NOW, 60)
    assert spent(store) == 120
    store.forget_subject("", [row.ref], NOW)
    assert spent(store) == 120
    store.close()


RACER = """
import sys
from pathlib import Path
from apiframe_studio.ledger import NewImages, Scope
from apiframe_studio.ledger.errors import SpendingCapReached
from apiframe_studio.ledger.store import Store
from apiframe_studio.api.v1.terms import V1_TERMS

store = Store(Path(sys.argv[1]), Scope("local", "s"), terms=V1_TERMS)
print("ready", flush=True)
sys.stdin.readline()
for number in range(4):
    new = NewImages(sys.argv[2], str(number), estimated_credits=1.0, image_count=1)
    row, _ = store.get_or_create(new, 1.0)
    try:
        print("sent" if store.begin_sending(row.ref, 1.0, 60, 5.0) else "lost")
    except SpendingCapReached:
        print("capped")
store.close()
"""
"""One process that tries to send four images, one after another, with a daily limit of five."""


@pytest.mark.slow
def test_concurrent_processes_cannot_exceed_the_cap_together(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite3"
    Store(ledger, SCOPE).close()
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
        message = [word for racer in started for word in racer.communicate(timeout=90)[0].split()]
    assert Counter(message) == {"sent": 5, "capped": 7}
