"""The end of a training is reported once, and programs take turns with status checks in the background."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from apiframe_studio.ledger import Answer, Kind, NewTraining, Observation, Scope, Submission
from apiframe_studio.ledger.states import Event, State
from apiframe_studio.notes import TO_REPORT, has_note, remove_note

from ..v1_store import Store
from .new_submissions import new_submission
from .stepped_clock import EPOCH

SCOPE = Scope("local", "https://service.invalid v1")
DAY = 24 * 3600.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store(path, SCOPE)
    yield opened
    opened.close()


def begun(store: Store, name: str, at: float = EPOCH, kind: Kind = Kind.TRAINING) -> str:
    """A submission that the service has accepted."""
    row, _ = store.get_or_create(new_submission(kind, name, subject="Anna"), at)
    store.begin_sending(row.ref, at, 50.0)
    store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id=f"task {name}"), at)
    return row.ref


def ended(store: Store, name: str, state: State = State.FINISHED, kind: Kind = Kind.TRAINING) -> str:
    ref = begun(store, name, kind=kind)
    store.record_status(ref, Observation(EPOCH + 60, state, trigger_word="TOKSIS"))
    return ref


def unreported(store: Store, since: float = EPOCH - DAY) -> list[str]:
    return [row.ref for row in store.unreported(since)]


@pytest.mark.parametrize("state", [State.FINISHED, State.FAILED])
def test_of_two_programs_one_reports_an_end(store: Store, path: Path, state: State) -> None:
    ref = ended(store, "one", state)
    other = Store(path, SCOPE)
    first, second = store.note_reported([ref], EPOCH + 70), other.note_reported([ref], EPOCH + 71)
    assert ([row.ref for row in first], second) == ([ref], [])
    found = other.find(ref, EPOCH)
    assert found is not None
    assert found.reported_at == EPOCH + 70
    assert unreported(other) == []
    other.close()


def test_what_has_not_ended_is_not_reported(store: Store) -> None:
    refs = [
        begun(store, "one"),
        ended(store, "set", kind=Kind.UPLOAD),
        ended(store, "im age", kind=Kind.GENERATION),
    ]
    assert store.note_reported([*refs, "tr-0000000"], EPOCH) == []


def test_only_trainings_that_were_sent_here_are_followed(store: Store, path: Path) -> None:
    ref = begun(store, "first")
    store.get_or_create(NewTraining("never sent"), EPOCH)
    store.import_task(Kind.TRAINING, "made elsewhere", "Anna", EPOCH)
    begun(store, "set", kind=Kind.UPLOAD)
    begun(store, "long ago", EPOCH - 8 * DAY)
    for place in (replace(SCOPE, owner="another"), replace(SCOPE, service="https://service.invalid v2")):
        other = Store(path, place)
        begun(other, "of another")
        other.close()
    last = ended(store, "last")
    assert unreported(store, EPOCH - 7 * DAY) == [ref, last]


def test_a_forgotten_training_is_neither_followed_nor_reported(store: Store) -> None:
    refs = [begun(store, "under way"), ended(store, "ended")]
    store.forget_subject("Anna", refs, EPOCH)
    assert unreported(store) == []
    assert store.note_reported(refs, EPOCH) == []


def test_of_all_programs_one_checks_in_each_round(store: Store, path: Path) -> None:
    other = Store(path, SCOPE)
    turns = [
        one.begin_round(EPOCH + seconds, 60.0)
        for seconds, one in ((0, store), (1, other), (59, store), (60, other), (60, store), (120, store))
    ]
    assert turns == [True, False, False, True, False, True]
    # The clock was set back: the last round would be an hour ahead.
    assert other.begin_round(EPOCH - 3600, 60.0)
    of_another = Store(path, replace(SCOPE, owner="another"))
    assert of_another.begin_round(EPOCH - 3600, 60.0)
    for one in (other, of_another):
        one.close()


def test_a_note_beside_the_ledger_says_that_a_training_was_accepted(store: Store, path: Path) -> None:
    begun(store, "set", kind=Kind.UPLOAD)
    assert not has_note(path, TO_REPORT)
    begun(store, "one")
    assert has_note(str(path), TO_REPORT)
    for _ in range(2):
        remove_note(path, TO_REPORT)
    assert not has_note(path, TO_REPORT)


def test_a_training_that_the_user_found_is_followed(store: Store) -> None:
    row, _ = store.get_or_create(NewTraining("one"), EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.record_response(row.ref, 1, Event.UNCLEAR, Answer(), EPOCH)
    assert unreported(store) == []
    store.resolve(row.ref, Event.USER_SAYS_ACCEPTED, "task one", EPOCH)
    found: Submission
    (found,) = store.unreported(EPOCH)
    assert found.task_id == "task one"
