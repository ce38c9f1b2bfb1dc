"""A photo set is recorded once, whatever is made of it, and removed with its last submission."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from apiframe_studio.ledger import Answer, NewTraining, NewUpload, Observation, Scope, Submission
from apiframe_studio.ledger.errors import SpendingCapReached
from apiframe_studio.ledger.states import Event, State

from ..v1_store import Store
from .stepped_clock import EPOCH

SCOPE = Scope("local", "https://service.invalid v1")
ANNAS = NewUpload("photos-1", "woman", subject="Anna", photo_count=12, consent_at=EPOCH - 60)
DAY = 24 * 3600.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store(path, SCOPE)
    yield made
    made.close()


def sets_of(path: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM photo_sets ORDER BY created_at, ref").fetchall()
    connection.close()
    return [dict(row) for row in rows]


def uploaded(
    store: Store, new: NewUpload, at: float = EPOCH, *, expires_at: float | None = None
) -> Submission:
    row = sent(store, new, at)
    store.record_status(row.ref, Observation(at, State.FINISHED, expires_at=expires_at))
    return again(store, row)


def sent(store: Store, new: NewUpload | NewTraining, at: float = EPOCH) -> Submission:
    row, is_new = store.get_or_create(new, at)
    assert is_new
    assert store.begin_sending(row.ref, at, 50.0)
    store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id=f"id of {row.ref}"), at)
    return again(store, row)


def again(store: Store, row: Submission) -> Submission:
    found = store.find(row.ref, EPOCH)
    assert found is not None
    return found


def trained(store: Store, upload: Submission, subject: str | None = "Anna") -> Submission:
    new = NewTraining(upload.task_id or "", subject=subject, fingerprint=upload.fingerprint)
    return sent(store, new)


def test_a_set_uploaded_again_after_it_expired_is_the_same_set(store: Store, path: Path) -> None:
    first = uploaded(store, ANNAS, expires_at=EPOCH + DAY)
    later = EPOCH + 2 * DAY
    second = uploaded(store, replace(ANNAS, consent_at=later), later)
    assert first.ref != second.ref
    assert first.set_ref == second.set_ref
    assert second.expires_at is None
    [photo_set] = sets_of(path)
    assert (photo_set["ref"], photo_set["consent_at"]) == (first.set_ref, ANNAS.consent_at)
    assert (second.fingerprint, second.attributes_digest, second.photo_count) == ("photos-1", "woman", 12)


def test_the_same_photos_with_other_attributes_are_another_set(store: Store, path: Path) -> None:
    first = uploaded(store, ANNAS)
    second = uploaded(store, replace(ANNAS, attributes_digest="man"))
    assert first.set_ref != second.set_ref
    training = trained(store, first)
    assert training.set_ref == first.set_ref
    # It is found by its photos, whichever set is asked about.
    known, is_new = store.get_or_create(
        NewTraining(second.task_id or "", fingerprint=second.fingerprint), EPOCH
    )
    assert (known.ref, is_new, len(sets_of(path))) == (training.ref, False, 2)


def test_a_training_belongs_to_the_set_of_its_upload(store: Store) -> None:
    uploaded(store, ANNAS)
    second = uploaded(store, replace(ANNAS, attributes_digest="man"))
    training = trained(store, second)
    assert (training.set_ref, training.attributes_digest) == (second.set_ref, "man")
    assert (training.photo_count, training.consent_at) == (12, ANNAS.consent_at)


def test_an_id_that_the_user_brings_has_no_set(store: Store, path: Path) -> None:
    training = sent(store, NewTraining("made elsewhere", photo_count=12))
    assert (training.set_ref, training.fingerprint, training.photo_count) == (None, None, None)
    assert sets_of(path) == []


def test_owners_do_not_share_a_set(store: Store, path: Path) -> None:
    other = Store(path, replace(SCOPE, owner="another"))
    first, second = uploaded(store, ANNAS), uploaded(other, ANNAS)
    assert first.set_ref != second.set_ref
    other.forget_subject("Anna", [], EPOCH)
    other.close()
    assert again(store, first).fingerprint == "photos-1"
    assert [row["owner"] for row in sets_of(path) if row["forgotten_at"] is None] == ["local"]


def test_a_set_whose_submissions_are_all_forgotten_is_removed(store: Store, path: Path) -> None:
    upload = uploaded(store, ANNAS)
    training = trained(store, upload)
    store.forget_subject("Anna", [], EPOCH + 1)
    left = sets_of(path)
    assert upload.set_ref not in {row["ref"] for row in left}
    assert {row["forgotten_at"] for row in left} == {EPOCH + 1}
    assert all(row["attributes_digest"] is row["consent_at"] is None for row in left)
    # The upload has ended; the training is under way, and its photos are recognised by a mark.
    assert again(store, upload).fingerprint is None
    assert (again(store, training).fingerprint or "").startswith("forgotten ")
    assert again(store, training).photo_count == 12


def test_a_set_that_another_subject_has_too_keeps_what_is_known_about_it(store: Store, path: Path) -> None:
    upload = uploaded(store, ANNAS, expires_at=EPOCH + DAY)
    bertas = uploaded(store, replace(ANNAS, subject="Berta"), EPOCH + 2 * DAY)
    assert upload.set_ref == bertas.set_ref
    store.forget_subject("Anna", [], EPOCH + 3 * DAY)
    assert again(store, bertas) == bertas
    assert again(store, upload).set_ref != bertas.set_ref
    assert again(store, upload).fingerprint is None
    assert len(sets_of(path)) == 2


def test_a_forgotten_request_is_recognised_although_another_of_its_set_has_ended(store: Store) -> None:
    upload = sent(store, ANNAS)
    training = trained(store, upload)
    assert upload.set_ref == training.set_ref
    store.forget_subject("Anna", [], EPOCH)
    store.record_status(upload.ref, Observation(EPOCH, State.FINISHED))
    assert store.find_duplicate(ANNAS, EPOCH) is None
    assert [row.ref for row in store.trainings_of_photos("photos-1", EPOCH)] == [training.ref]
    store.record_status(training.ref, Observation(EPOCH, State.FINISHED))
    assert store.trainings_of_photos("photos-1", EPOCH) == []


def test_the_end_of_an_orphan_does_not_hide_the_forgotten_request_that_it_came_from(store: Store) -> None:
    row, _ = store.get_or_create(NewTraining("a", subject="Anna", fingerprint="photos-1"), EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.record_response(row.ref, 1, Event.UNCLEAR, Answer(), EPOCH)
    store.resolve(row.ref, Event.USER_SAYS_SEND_AGAIN, None, EPOCH)
    store.begin_sending(row.ref, EPOCH, 50.0)
    store.forget_subject("Anna", [], EPOCH)
    orphan = store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="late"), EPOCH)
    assert orphan is not None
    store.record_status(orphan.ref, Observation(EPOCH, State.FINISHED))
    assert [found.ref for found in store.trainings_of_photos("photos-1", EPOCH)] == [row.ref]


def test_a_set_of_a_request_that_is_refused_is_not_recorded(store: Store, path: Path) -> None:
    with pytest.raises(SpendingCapReached):
        store.get_or_create(replace(ANNAS, estimated_credits=2.0), EPOCH, cap=1.0)
    assert sets_of(path) == []


def test_a_set_is_recorded_with_statements_that_an_older_sqlite_knows(store: Store) -> None:
    """RETURNING came with SQLite 3.35; Python 3.11 of a supported system may be linked with 3.34."""
    statements: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        uploaded(store, ANNAS)
        store.get_or_create(replace(ANNAS, attributes_digest="man"), EPOCH + 1)
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
    assert any("INSERT INTO photo_sets" in statement for statement in statements)
    assert not [statement for statement in statements if "RETURNING" in statement]
