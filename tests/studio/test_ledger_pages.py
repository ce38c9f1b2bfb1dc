"""Paged lists: complete, in order, and without reading rows of other pages."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from apiframe_studio.ledger import Answer, Kind, NewTraining, Observation, Scope, Submission, queries
from apiframe_studio.ledger.errors import UnknownCursor
from apiframe_studio.ledger.schema import metadata
from apiframe_studio.ledger.states import UNDER_WAY, Event, State

from ..v1_store import Store
from .new_submissions import new_submission
from .stepped_clock import EPOCH

PLACE = ("https://service.invalid v1", "local")
SCOPE = Scope(PLACE[1], PLACE[0])
SUBJECTS = ("Anna", "Zoë Ångström", None)
STATES = (State.INTENT, State.UNCONFIRMED, State.QUEUED, State.PROCESSING, State.FINISHED, State.FAILED)
MANY = 120
TABLE_SCAN = re.compile(rf"SCAN ({'|'.join(metadata.tables)})\b")


def remember(store: Store, number: int, kind: Kind = Kind.TRAINING) -> None:
    """One submission with one of the states and subjects; each four have the same time."""
    state, subject = STATES[number % len(STATES)], SUBJECTS[number % len(SUBJECTS)]
    new = new_submission(kind, f"{kind} {number}", subject=subject, fingerprint=f"print {number}")
    row, _ = store.get_or_create(new, EPOCH + number // 4)
    if state is State.INTENT:
        return
    store.begin_sending(row.ref, EPOCH, 50.0)
    lost = state is State.UNCONFIRMED
    task_id = None if lost else f"task {kind} {number}"
    store.record_response(
        row.ref, 1, Event.UNCLEAR if lost else Event.ACCEPTED, Answer(task_id=task_id), EPOCH
    )
    if state in (State.PROCESSING, State.FINISHED, State.FAILED):
        store.record_status(row.ref, Observation(EPOCH, state))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(tmp_path_factory.mktemp("pages") / "ledger.sqlite3", SCOPE)
    for number in range(MANY):
        remember(made, number)
    for number in range(12):
        remember(made, number, Kind.UPLOAD)
    yield made
    made.close()


@pytest.mark.parametrize("subject", [None, "ANNA", "zoe\u0308 A\u030angstro\u0308m", "Unknown"])
@pytest.mark.parametrize(
    "states", [None, UNDER_WAY, {State.FINISHED}, {State.FAILED, State.UNCONFIRMED, State.REJECTED}, set()]
)
@pytest.mark.parametrize("limit", [1, 7, MANY])
def test_all_pages_together_are_the_whole_list(
    store: Store, subject: str | None, states: Collection[State] | None, limit: int
) -> None:
    whole = [
        row.ref
        for row in store.page(Kind.TRAINING, EPOCH, subject=subject, limit=1000).rows
        if states is None or row.state in states
    ]
    before, read = None, list[str]()
    while True:
        page = store.page(Kind.TRAINING, EPOCH, subject=subject, states=states, before=before, limit=limit)
        assert page.total == len(whole)
        read += [row.ref for row in page.rows]
        if not page.more:
            break
        assert len(page.rows) == limit
        before = page.rows[-1].ref
    assert read == whole


@pytest.mark.parametrize("cursor", ["tr-0000000", "", "an upload"])
def test_a_cursor_of_another_list_is_reported(store: Store, cursor: str) -> None:
    if cursor == "an upload":
        cursor = store.page(Kind.UPLOAD, EPOCH, limit=1).rows[0].ref
    with pytest.raises(UnknownCursor):
        store.page(Kind.TRAINING, EPOCH, before=cursor, limit=5)


@pytest.mark.parametrize(
    ("beginning", "names"),
    [
        ("", ["Anna", "Zoë Ångström"]),
        ("an", ["Anna"]),
        ("ANNA", ["Anna"]),
        ("zoe\u0308", ["Zoë Ångström"]),
        ("x", []),
    ],
)
def test_names_with_a_prefix_are_found_once_each(store: Store, beginning: str, names: list[str]) -> None:
    assert store.subjects(beginning, limit=5) == names
    assert store.subjects(beginning, limit=1) == names[:1]


def verbs(store: Store, number: int) -> Iterator[tuple[str, Any]]:
    """Every verb that the server calls, except forgetting."""
    new = NewTraining(f"more {number}", "TOKSIS", "Anna", f"key {number}")
    ref = store.page(Kind.TRAINING, EPOCH, limit=1).rows[0].ref
    yield "page", lambda: store.page(Kind.TRAINING, EPOCH, limit=5)
    yield "older page", lambda: store.page(Kind.TRAINING, EPOCH, before=ref, limit=5)
    yield "page of states", lambda: store.page(Kind.TRAINING, EPOCH, states=UNDER_WAY, limit=5)
    yield "page of a subject", lambda: store.page(Kind.TRAINING, EPOCH, subject="anna", limit=5)
    yield (
        "page of both",
        lambda: store.page(Kind.TRAINING, EPOCH, subject="anna", states=UNDER_WAY, limit=5),
    )
    yield "unsettled", lambda: store.unsettled(EPOCH, limit=5)
    yield "find", lambda: store.find(ref, EPOCH)
    yield "find by id", lambda: store.find("task training 2", EPOCH)
    yield "look", lambda: store.find_with_history("task training 2", EPOCH)
    yield "photos", lambda: store.trainings_of_photos("print 3", EPOCH)
    yield "names", lambda: store.subjects("", limit=5)
    yield "peek", lambda: store.find_duplicate(new, EPOCH)
    yield "admit", lambda: store.get_or_create(new, EPOCH)
    sent, _ = store.get_or_create(new, EPOCH)
    yield "begin", lambda: store.begin_sending(sent.ref, EPOCH, 50.0, 1e9)
    yield "settle", lambda: store.record_response(sent.ref, 1, Event.UNCLEAR, Answer(), EPOCH)
    yield "decide", lambda: store.resolve(sent.ref, Event.USER_SAYS_ACCEPTED, f"id {number}", EPOCH)
    yield "unreported", lambda: store.unreported(EPOCH + MANY // 4 - 3)
    yield "report", lambda: store.note_reported([ref], EPOCH)
    yield "round", lambda: store.begin_round(EPOCH + number, 0.5)
    yield "import", lambda: store.import_task(Kind.TRAINING, f"elsewhere {number}", "Anna", EPOCH)


def test_no_query_reads_more_rows_than_it_returns(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    build = queries._submission

    def counted(row: Any) -> Submission:
        built.append(row["ref"])
        return build(row)

    monkeypatch.setattr(queries, "_submission", counted)
    for name, verb in verbs(store, 1):
        built.clear()
        verb()
        assert len(built) <= 14, (name, len(built))


@contextlib.contextmanager
def statements_asked() -> Generator[dict[str, Any]]:
    """Every statement that reads or changes rows, with sample values."""
    asked: dict[str, Any] = {}

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if re.match("SELECT|UPDATE|DELETE", statement):
            asked[statement] = parameters[0] if isinstance(parameters, list) else parameters

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


def test_forgetting_reads_only_the_rows_of_the_subject(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.sqlite3", SCOPE)
    for number in range(12):
        remember(store, number)
        remember(store, number, Kind.UPLOAD)
    with statements_asked() as statements:
        store.forgotten_generations()
        store.forget_subject("Anna", [], EPOCH)
    assert len(statements) > 6
    narrow = ("ref=", "task_id=", "fingerprint=", "about=", "about>", "subject_key=", "submissions_forgotten")
    with store._reading() as connection:
        for words, values in statements.items():
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values).all()
            reads = [row.detail for row in plan if re.match("(SEARCH|SCAN) submissions", row.detail)]
            assert all(any(column in step for column in narrow) for step in reads), (words, reads)
    store.close()


@pytest.mark.slow
def test_every_statement_uses_an_index(store: Store) -> None:
    with statements_asked() as statements:
        for _, verb in verbs(store, 2):
            verb()
    assert len(statements) > 15
    with store._reading() as connection:
        for words, values in statements.items():
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values).all()
            steps = [row.detail for row in plan]
            assert not [step for step in steps if TABLE_SCAN.match(step)], (words, steps)
            # Photos and marks are found among their own, not among all trainings.
            of = {"set_ref IN": "set_ref=?", "forgotten_at IS NOT NULL AND +": "submissions_forgotten"}
            for condition, index in of.items():
                assert condition not in words or index in " ".join(steps), (words, steps)
