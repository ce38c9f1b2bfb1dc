"""Random sequences of events: an intent is paid at most once, and no accepted id is lost.

Two processes share one ledger. They submit, crash between any two steps, hang and respond late. The clock jumps both
ways. Webhooks, spooled ids and decisions of the user arrive. The service counts what is paid.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, update

from apiframe_studio.ledger import Answer, Kind, NewTraining, Observation, Scope, Submission, queries
from apiframe_studio.ledger.errors import KeyReused
from apiframe_studio.ledger.schema import submissions
from apiframe_studio.ledger.states import Event, State

from ..v1_store import Store
from .stepped_clock import EPOCH

PLACE = ("https://service.invalid v1", "local")
SCOPE = Scope(PLACE[1], PLACE[0])
LEASE_SECONDS = 50.0
PAID_FOR = (State.QUEUED, State.PROCESSING, State.FINISHED, State.FAILED)
# In memory where there is such a folder: a kill is not a power cut, so syncing would only take time.
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - made unique below
OUTCOMES = [*[Event.ACCEPTED] * 4, Event.NOT_SENT, Event.THROTTLED, Event.REFUSED]
DECISIONS = [Event.USER_SAYS_SEND_AGAIN, Event.USER_SAYS_SEND_AGAIN, Event.USER_GIVES_UP]
ACTIONS = [
    *["submit"] * 5,
    *["go_on"] * 10,
    *["clock"] * 3,
    *["resolve"] * 4,
    "webhook",
    "crash",
    "check",
]

reached: Counter[str] = Counter()
"""How often the important situations occurred: a run that never reaches them proves nothing."""

DECISION_NAMES = {Event.USER_SAYS_SEND_AGAIN: "send_again", Event.USER_GIVES_UP: "give_up"}


@dataclass(eq=False)
class Delivery:
    """One attempt of a process: whether it reached the service, and the outcome there."""

    process: int
    row: Submission
    event: Event | None = None
    task_id: str | None = None


@dataclass
class Service:
    """The service: every paid request that it accepted, in order."""

    taken: list[Delivery] = field(default_factory=list[Delivery])

    def takes(self, delivery: Delivery) -> str:
        self.taken.append(delivery)
        return f"train-{len(self.taken):04d}"


class PaidRequests(RuleBasedStateMachine):
    """Everything that can happen to paid requests for two sets of photos."""

    actions: ClassVar[Sequence[str]] = ACTIONS
    photos: ClassVar[Sequence[str]] = ("images-1", "images-1", "images-2")
    words: ClassVar[Sequence[str | None]] = ("TOKSIS", "TOKSIS", None)

    def __init__(self) -> None:
        super().__init__()
        # Rows of the same time are sorted by ref, and hypothesis needs the same order every time.
        numbers = count(1)
        self.refs = patch.object(queries, "new_ref", lambda _prefix: f"tr-{next(numbers):07}")
        self.refs.start()
        self.folder = Path(tempfile.mkdtemp(dir=FOLDER))
        self.path = self.folder / "ledger.sqlite3"
        shutil.copyfile(_empty_ledger(), self.path)
        self.stores = [Store(self.path, SCOPE), Store(self.path, SCOPE)]
        self.now = EPOCH
        self.service = Service()
        self.about_to_send: list[tuple[int, str]] = []
        self.deliveries: list[Delivery] = []
        self.known: dict[str, str] = {}
        self.decisions: Counter[tuple[str, str]] = Counter()
        self.keys = count(1)

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.refs.stop()
        shutil.rmtree(self.folder)

    @rule(data=st.data())
    def take_action(self, data: st.DataObject) -> None:
        """One rule with weights: hypothesis leaves whole rules out of an example, and then nothing is ever paid."""
        name = data.draw(st.sampled_from(self.actions))
        reached[name] += 1
        action: Callable[[st.DataObject], None] = getattr(self, name)
        action(data)

    def submit(self, data: st.DataObject) -> None:
        """A caller asks for a training, perhaps again, and perhaps crashes before it is sent."""
        process = data.draw(st.integers(0, 1))
        photos = data.draw(st.sampled_from(self.photos))
        word = data.draw(st.sampled_from(self.words))
        key = self.draw_key(data)
        new = NewTraining(photos, word, idempotency_key=key)
        try:
            row, is_new = self.stores[process].get_or_create(new, self.now)
        except KeyReused:
            return
        if is_new:
            self.may_be_new(photos, key)
        if row.state is State.INTENT and row.requested_trigger_word == word:
            self.about_to_send.append((process, row.ref))

    def draw_key(self, data: st.DataObject) -> str | None:
        """Perhaps a key with which a caller trains the same photos again."""
        return data.draw(st.sampled_from([None, None, "key-1", f"key-new-{next(self.keys)}"]))

    def may_be_new(self, photos: str, key: str | None) -> None:
        """A second intent for the same photos is created only if no paid one is open, reusable or unconfirmed."""
        for delivery in self.service.taken:
            row = self.row(delivery.row.ref)
            if row.parent_task_id != photos:
                continue
            declared_unpaid = self.decisions[row.ref, "send_again"] and row.state is State.REJECTED
            over = row.state is State.ABANDONED or declared_unpaid
            assert over or (row.state in (State.FINISHED, State.FAILED) and key), row

    def go_on(self, data: st.DataObject) -> None:
        """A call takes its next step; anything may have happened since its last one."""
        calls: list[tuple[int, str] | Delivery] = [*self.about_to_send, *self.deliveries]
        if not calls:
            return
        call = data.draw(st.sampled_from(calls))
        if isinstance(call, tuple):
            self.begin(*call)
        elif call.event is None:
            self.arrive(call, data.draw(st.sampled_from(OUTCOMES)))
        else:
            received, kept = data.draw(
                st.sampled_from([(True, True), (True, False), (False, True), (False, True)])
            )
            self.answer(call, received, kept)

    def begin(self, process: int, ref: str) -> None:
        """A process begins to send an intent."""
        self.about_to_send.remove((process, ref))
        sending = self.stores[process].begin_sending(ref, self.now, LEASE_SECONDS)
        # If another row was sent meanwhile, nothing is sent for this one.
        if sending is not None and sending.ref == ref:
            self.deliveries.append(Delivery(process, sending))

    def arrive(self, delivery: Delivery, outcome: Event) -> None:
        """A request reaches the service, or provably does not."""
        delivery.event = outcome
        if outcome is Event.ACCEPTED:
            delivery.task_id = self.service.takes(delivery)
            reached["paid"] += 1
            reached["paid again"] += delivery.row.attempt > 1

    def answer(self, delivery: Delivery, received: bool, kept: bool) -> None:
        """A process receives the outcome or loses the connection, and can write to the ledger or not."""
        self.deliveries.remove(delivery)
        event, task_id = (delivery.event, delivery.task_id) if received else (None, None)
        store, row = self.stores[delivery.process], delivery.row
        if kept:
            store.record_response(
                row.ref, row.attempt, event or Event.UNCLEAR, Answer(task_id=task_id), self.now
            )
        elif task_id:
            store.spool(row.ref, row.attempt, task_id, self.now)
        if task_id:
            self.known[task_id] = row.ref
        reached["spooled"] += bool(task_id and not kept)

    def webhook(self, data: st.DataObject) -> None:
        """The service reports a request that it accepted, perhaps long after the last caller stopped waiting."""
        if not self.service.taken:
            return
        delivery = data.draw(st.sampled_from(self.service.taken))
        assert delivery.task_id
        row = delivery.row
        self.stores[0].record_response(
            row.ref, row.attempt, Event.ACCEPTED, Answer(delivery.task_id), self.now
        )
        self.known[delivery.task_id] = row.ref

    def crash(self, data: st.DataObject) -> None:
        """A process is killed and restarts without its pending calls."""
        process = data.draw(st.integers(0, 1))
        self.about_to_send = [found for found in self.about_to_send if found[0] != process]
        reached["killed while sending"] += any(delivery.process == process for delivery in self.deliveries)
        self.deliveries = [delivery for delivery in self.deliveries if delivery.process != process]
        self.stores[process].close()
        self.stores[process] = Store(self.path, SCOPE)

    def clock(self, data: st.DataObject) -> None:
        """Time passes, or the clock is set."""
        self.now += data.draw(st.sampled_from([60, 60, 20, 4_000, -1, -60, -4_000]))

    def resolve(self, data: st.DataObject) -> None:
        """The user decides about one of the submissions."""
        if rows := [row for row in self.rows() if row.state in (State.UNCONFIRMED, State.INTENT)]:
            row = data.draw(st.sampled_from(rows))
            event = data.draw(st.sampled_from(DECISIONS))
            if self.stores[1].resolve(row.ref, event, None, self.now):
                self.decisions[row.ref, DECISION_NAMES[event]] += 1

    def check(self, data: st.DataObject) -> None:
        """The service reports the progress of a training."""
        if rows := [row for row in self.rows() if row.task_id]:
            row = data.draw(st.sampled_from(rows))
            state = data.draw(st.sampled_from([State.PROCESSING, State.FINISHED, State.FAILED]))
            self.stores[0].record_status(row.ref, Observation(self.now, state))

    @invariant()
    def one_paid_request_for_one_intent(self) -> None:
        paid = Counter(delivery.row.ref for delivery in self.service.taken)
        for ref, times in paid.items():
            assert times <= 1 + self.decisions[ref, "send_again"], (ref, times)

    @invariant()
    def nothing_accepted_is_lost_or_taken_for_unpaid(self) -> None:
        rows = {row.ref: row for row in self.rows()}
        spooled = {spooled.task_id for spooled in self.stores[0]._spool}
        assert set(self.known) <= {row.task_id for row in rows.values()} | spooled
        carried = {delivery.row.ref for delivery in self.deliveries}
        for delivery in self.service.taken:
            row = rows[delivery.row.ref]
            decided = self.decisions[row.ref, "send_again"] or self.decisions[row.ref, "give_up"]
            in_doubt = row.state in (State.UNCONFIRMED, State.SENDING)
            assert row.state in PAID_FOR or in_doubt or decided or row.ref in carried, row

    def rows(self) -> list[Submission]:
        return list(self.stores[0].page(Kind.TRAINING, self.now, limit=1000).rows)

    def row(self, ref: str) -> Submission:
        found = self.stores[0].find(ref, self.now)
        assert found is not None
        return found


_TEMPLATE: list[Path] = []


def _empty_ledger() -> Path:
    if not _TEMPLATE:
        path = Path(tempfile.mkdtemp(dir=FOLDER)) / "ledger.sqlite3"
        Store(path, SCOPE).close()
        _TEMPLATE.append(path)
    return _TEMPLATE[0]


@pytest.fixture(autouse=True, scope="module")
def _template() -> Iterator[None]:
    yield
    while _TEMPLATE:
        shutil.rmtree(_TEMPLATE.pop().parent)


def machine_settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=50,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@pytest.mark.slow
def test_an_intent_is_paid_once_and_no_id_is_lost_in_any_sequence() -> None:
    reached.clear()
    run_state_machine_as_test(PaidRequests, settings=machine_settings(60))
    print(dict(reached))
    assert reached["paid"] >= 40
    assert min(reached[what] for what in ("paid again", "spooled", "killed while sending")) >= 3


@pytest.mark.long
def test_an_intent_is_paid_once_in_ten_times_as_many_sequences() -> None:
    run_state_machine_as_test(
        PaidRequests, settings=settings(machine_settings(5_000), derandomize=False, stateful_step_count=60)
    )


class Senders(PaidRequests):
    """Two processes that send the same training, crash and restart: what finds a fault in sending soon."""

    actions: ClassVar[Sequence[str]] = ("submit", "go_on", "go_on", "crash", "clock")
    photos: ClassVar[Sequence[str]] = ("images-1",)
    words: ClassVar[Sequence[str | None]] = ("TOKSIS",)

    def draw_key(self, data: st.DataObject) -> None:
        """No caller asks for it on purpose."""


def _sent_again_on_restart(_self: Store, connection: Connection, now: float) -> None:
    ran_out = submissions.c.lease_until < now
    connection.execute(update(submissions).where(ran_out).values(state=State.INTENT.value, lease_until=None))


def _no_compare(self: Store, ref: str, now: float, lease_seconds: float) -> Submission:
    with self._transaction() as connection:
        row = queries.one(connection, SCOPE.owner, ref)
        assert row is not None
        self._spool.reserve(ref, row.attempt + 1)
        sending = replace(row, state=State.SENDING, attempt=row.attempt + 1, lease_until=now + lease_seconds)
        return queries.write_row(connection, sending)


@pytest.mark.parametrize(
    ("verb", "fault"),
    [("_expire_leases", _sent_again_on_restart), ("begin_sending", _no_compare)],
    ids=["a restart that sends again", "a begin without compare-and-set"],
)
@pytest.mark.slow
def test_the_state_machine_finds_a_planted_fault(verb: str, fault: object) -> None:
    hunting = settings(machine_settings(300), phases=[Phase.generate], stateful_step_count=20)
    with patch.object(Store, verb, fault), pytest.raises(AssertionError):
        run_state_machine_as_test(Senders, settings=hunting)
