"""What the user decides, what a late response may still change, and which keys and ids belong to which row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from apiframe_studio.ledger import (
    Answer,
    Kind,
    NewImages,
    NewSubmission,
    NewTraining,
    NewUpload,
    Observation,
    RowPage,
    Scope,
    Submission,
)
from apiframe_studio.ledger.errors import KeyReused, PaymentNotApproved, TaskIdTaken
from apiframe_studio.ledger.states import Event, State

from ..v1_store import Store
from .new_submissions import new_submission
from .stepped_clock import EPOCH

PLACE = ("https://service.invalid v1", "local")
SCOPE = Scope(PLACE[1], PLACE[0])
NEW = NewTraining("images-1", "TOKSIS", "Anna", idempotency_key="key-1")
LEASE = 50.0
DECISIONS = (Event.USER_SAYS_ACCEPTED, Event.USER_SAYS_SEND_AGAIN, Event.USER_GIVES_UP)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "ledger.sqlite3", SCOPE)
    yield made
    made.close()


def unconfirmed(store: Store, new: NewSubmission) -> Submission:
    row, _ = store.get_or_create(new, EPOCH)
    store.begin_sending(row.ref, EPOCH, LEASE)
    moved = store.record_response(row.ref, 1, Event.UNCLEAR, Answer(), EPOCH)
    assert moved is not None
    return moved


def found(store: Store, ref: str) -> Submission:
    row = store.find(ref, EPOCH)
    assert row is not None
    return row


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("event", DECISIONS)
def test_a_task_id_is_used_only_with_accepted(store: Store, kind: Kind, event: Event) -> None:
    row = unconfirmed(store, new_submission(kind, "images-1", subject="Anna"))
    decided = store.resolve(row.ref, event, "task-1", EPOCH + 1)
    assert decided is not None
    accepted = event is Event.USER_SAYS_ACCEPTED
    assert (decided.task_id, decided.accepted_at) == (("task-1", EPOCH + 1) if accepted else (None, None))
    assert (store.find("task-1", EPOCH) is not None) is accepted


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("of", Kind)
def test_an_id_of_another_submission_is_refused_within_the_transaction(
    store: Store, kind: Kind, of: Kind
) -> None:
    other, _ = store.import_task(of, "task-1", "Bruno", EPOCH)
    row = unconfirmed(store, new_submission(kind, "images-1", subject="Anna"))
    with pytest.raises(TaskIdTaken) as refused:
        store.resolve(row.ref, Event.USER_SAYS_ACCEPTED, "task-1", EPOCH)
    assert refused.value.row.ref == other.ref
    assert found(store, row.ref) == row


def test_a_known_id_is_not_imported_again(store: Store) -> None:
    row, is_new = store.import_task(Kind.TRAINING, "task-1", "Bruno", EPOCH)
    again, is_new_again = store.import_task(Kind.TRAINING, "task-1", "Carla", EPOCH)
    assert (is_new, is_new_again, again.ref, again.subject) == (True, False, row.ref, "Bruno")


def test_only_an_unnamed_row_gets_a_name(store: Store) -> None:
    unnamed, _ = store.get_or_create(replace(NEW, subject=None), EPOCH)
    named = [store.rename(unnamed.ref, name) for name in ("Anna", "Berta")]
    assert [row and row.subject for row in named] == ["Anna", "Anna"]


@pytest.mark.parametrize("event", [Event.NOT_SENT, Event.THROTTLED, Event.REFUSED, Event.UNCLEAR])
def test_a_late_response_to_an_earlier_attempt_does_not_change_the_current_one(
    store: Store, event: Event
) -> None:
    """Otherwise "not sent" for the first attempt would make the second, perhaps paid one an intent to send again."""
    row = unconfirmed(store, NEW)
    store.resolve(row.ref, Event.USER_SAYS_SEND_AGAIN, None, EPOCH)
    second = store.begin_sending(row.ref, EPOCH + 1, LEASE)
    assert second is not None
    assert store.record_response(row.ref, 1, event, Answer(message="late"), EPOCH + 2) is None
    assert found(store, row.ref) == second
    assert store.begin_sending(row.ref, EPOCH + 3, LEASE) is None


def answered_with(store: Store, new: NewSubmission, state: State) -> Submission:
    """A training of these photos in `state`."""
    row, _ = store.get_or_create(new, EPOCH)
    store.begin_sending(row.ref, EPOCH, LEASE)
    store.record_response(row.ref, 1, Event.ACCEPTED, Answer(task_id="task-1"), EPOCH)
    if state is not State.QUEUED:
        store.record_status(row.ref, Observation(EPOCH + 1, state))
    return row


@pytest.mark.parametrize("word", ["TOKSIS", "TOKBRO", None])
def test_every_key_that_returned_a_training_is_recorded_for_it(store: Store, word: str | None) -> None:
    """A client repeats its call after the training has ended: this is not a new request."""
    row = answered_with(store, NEW, State.QUEUED)
    calls = [replace(NEW, requested_trigger_word=word, idempotency_key=f"key-{number}") for number in (2, 3)]
    assert [store.get_or_create(call, EPOCH)[0].ref for call in calls] == [row.ref] * 2
    store.record_status(row.ref, Observation(EPOCH + 1, State.FINISHED))
    assert [store.get_or_create(call, EPOCH) for call in calls] == [(found(store, row.ref), False)] * 2
    assert store.get_or_create(NEW, EPOCH)[1] is False
    assert store.get_or_create(replace(NEW, idempotency_key="key-4"), EPOCH)[1] is True


def test_a_key_that_returned_a_training_identifies_its_request(store: Store) -> None:
    answered_with(store, NEW, State.QUEUED)
    store.get_or_create(replace(NEW, requested_trigger_word="TOKBRO", idempotency_key="key-2"), EPOCH)
    for word, photos in (("TOKSIS", "images-1"), ("TOKBRO", "images-2")):
        with pytest.raises(KeyReused):
            store.get_or_create(
                replace(NEW, parent_task_id=photos, requested_trigger_word=word, idempotency_key="key-2"),
                EPOCH,
            )


def test_a_key_whose_request_was_rejected_identifies_the_next_request_that_uses_it(store: Store) -> None:
    first, _ = store.get_or_create(NEW, EPOCH)
    store.begin_sending(first.ref, EPOCH, LEASE)
    store.record_response(first.ref, 1, Event.REFUSED, Answer(), EPOCH)
    second, is_new = store.get_or_create(NEW, EPOCH + 1)
    assert is_new
    assert store.get_or_create(NEW, EPOCH + 2)[0].ref == second.ref


def test_a_missing_task_is_marked_once_and_unmarked_when_it_is_found(store: Store) -> None:
    row = answered_with(store, NEW, State.QUEUED)
    for later in (5, 9):
        store.mark_missing(row.ref, EPOCH + later)
    assert found(store, row.ref).missing_since == EPOCH + 5
    store.record_status(row.ref, Observation(EPOCH + 10, State.QUEUED))
    assert found(store, row.ref).missing_since is None


def test_unsettled_rows_are_open_or_unconfirmed_without_trainings_under_way(store: Store) -> None:
    expected = set()
    for kind in Kind:
        for state in State:
            row, _ = store.get_or_create(new_submission(kind, f"{kind} {state}"), EPOCH)
            steps = {
                State.INTENT: [],
                State.SENDING: [Event.SEND],
                State.UNCONFIRMED: [Event.SEND, Event.UNCLEAR],
                State.ABANDONED: [Event.USER_GIVES_UP],
                State.REJECTED: [Event.SEND, Event.REFUSED],
            }.get(state, [Event.SEND, Event.ACCEPTED])
            for step in steps:
                if step is Event.SEND:
                    store.begin_sending(row.ref, EPOCH, LEASE)
                elif step is Event.USER_GIVES_UP:
                    store.resolve(row.ref, step, None, EPOCH)
                else:
                    store.record_response(row.ref, 1, step, Answer(task_id=row.ref), EPOCH)
            if state in (State.PROCESSING, State.FINISHED, State.FAILED):
                store.record_status(row.ref, Observation(EPOCH, state))
            under_way = state in (State.QUEUED, State.PROCESSING) and kind is not Kind.TRAINING
            if under_way or state in (State.INTENT, State.SENDING, State.UNCONFIRMED):
                expected.add((kind, state))
    unsettled = store.unsettled(EPOCH)
    assert {(row.kind, row.state) for row in unsettled.rows} == expected
    assert len(unsettled.rows) == unsettled.total == len(expected)
    cut = store.unsettled(EPOCH, limit=3)
    assert (len(cut.rows), cut.total) == (3, len(expected))


def test_a_training_missing_at_the_service_is_unsettled(store: Store) -> None:
    row = answered_with(store, NEW, State.QUEUED)
    assert store.unsettled(EPOCH) == RowPage([], 0)
    store.mark_missing(row.ref, EPOCH)
    unsettled = store.unsettled(EPOCH)
    assert ([found.ref for found in unsettled.rows], unsettled.total) == ([row.ref], 1)


def test_unsent_rows_do_not_displace_unconfirmed_ones(store: Store) -> None:
    lost, _ = store.get_or_create(NEW, EPOCH)
    store.begin_sending(lost.ref, EPOCH, LEASE)
    store.record_response(lost.ref, 1, Event.UNCLEAR, Answer(), EPOCH)
    for number in range(4):
        store.get_or_create(NewTraining(f"unsent {number}"), EPOCH + 1)
    unsettled = store.unsettled(EPOCH + 1, limit=3)
    assert [row.state for row in unsettled.rows] == [State.UNCONFIRMED, State.INTENT, State.INTENT]
    assert unsettled.rows[0].ref == lost.ref


def test_a_submission_of_a_crashed_sender_is_listed_as_unconfirmed(store: Store) -> None:
    row, _ = store.get_or_create(NewImages("train-1", "digest"), EPOCH)
    store.begin_sending(row.ref, EPOCH, LEASE)
    (listed,) = store.unsettled(EPOCH + LEASE + 1).rows
    assert (listed.ref, listed.state) == (row.ref, State.UNCONFIRMED)


@pytest.mark.parametrize("back", [61.0, 50 * 60.0, 7 * 24 * 3600.0])
def test_a_clock_that_was_set_back_does_not_prevent_a_decision(store: Store, back: float) -> None:
    row, _ = store.get_or_create(NEW, EPOCH)
    store.begin_sending(row.ref, EPOCH, LEASE)
    decided = store.resolve(row.ref, Event.USER_GIVES_UP, None, EPOCH - back)
    assert decided is not None
    assert decided.state is State.ABANDONED


def test_an_implausibly_long_lease_ends_after_an_hour(store: Store) -> None:
    row, _ = store.get_or_create(NEW, EPOCH)
    store.begin_sending(row.ref, EPOCH, 30 * 24 * 3600.0)
    assert store.resolve(row.ref, Event.USER_GIVES_UP, None, EPOCH + 3_599) is None
    assert store.resolve(row.ref, Event.USER_GIVES_UP, None, EPOCH + 3_601) is not None


SENT_BEFORE = {
    State.SENDING: (),
    State.UNCONFIRMED: (Event.UNCLEAR,),
    State.QUEUED: (Event.ACCEPTED,),
    State.FINISHED: (Event.ACCEPTED, State.FINISHED),
    State.FAILED: (Event.ACCEPTED, State.FAILED),
}


@pytest.mark.parametrize("state", SENT_BEFORE)
@pytest.mark.parametrize("key", ["none", "from the start", "later"])
def test_a_waiting_training_is_not_sent_after_another_one_of_the_same_photos(
    store: Store, state: State, key: str
) -> None:
    given = "key-1" if key == "from the start" else None
    first = replace(NEW, parent_task_id="set-1", fingerprint="photos-1", idempotency_key=given)
    waits, _ = store.get_or_create(first, EPOCH)
    other, _ = store.get_or_create(replace(first, parent_task_id="set-2", idempotency_key=None), EPOCH + 1)
    assert waits.ref != other.ref
    store.begin_sending(other.ref, EPOCH, LEASE)
    for step in SENT_BEFORE[state]:
        if isinstance(step, Event):
            store.record_response(
                other.ref, 1, step, Answer(task_id="t" if step is Event.ACCEPTED else None), EPOCH
            )
        else:
            store.record_status(other.ref, Observation(EPOCH + 2, step))
    if key == "later":
        store.get_or_create(replace(first, idempotency_key="key-2"), EPOCH + 3)
    begun = store.begin_sending(waits.ref, EPOCH + 3, LEASE)
    assert begun is not None
    # A caller must know of a training to ask for another one on purpose.
    again = key == "later" and state in (State.FINISHED, State.FAILED)
    assert (begun.ref, begun.state) == ((waits.ref, State.SENDING) if again else (other.ref, state))
    assert found(store, waits.ref).state is (State.SENDING if again else State.INTENT)


def test_the_key_of_a_waiting_training_returns_the_one_accepted_meanwhile(
    store: Store,
) -> None:
    first = replace(NEW, parent_task_id="set-1", fingerprint="photos-1", idempotency_key="key-1")
    waits, _ = store.get_or_create(first, EPOCH)
    other, _ = store.get_or_create(replace(first, parent_task_id="set-2", idempotency_key=None), EPOCH + 1)
    store.begin_sending(other.ref, EPOCH + 1, LEASE)
    store.record_response(other.ref, 1, Event.ACCEPTED, Answer(task_id="t"), EPOCH + 1)
    store.record_status(other.ref, Observation(EPOCH + 2, State.FINISHED))
    again, is_new = store.get_or_create(first, EPOCH + 3)
    assert (again.ref, is_new) == (other.ref, False)
    on_purpose, _ = store.get_or_create(replace(first, idempotency_key="key-2"), EPOCH + 4)
    assert on_purpose.ref == waits.ref
    begun = store.begin_sending(waits.ref, EPOCH + 4, LEASE)
    assert begun is not None
    assert (begun.ref, begun.state) == (waits.ref, State.SENDING)


UPLOAD = NewUpload("print-1", estimated_credits=2.0, photo_count=12)


def _upload_without_an_id(store: Store) -> str:
    upload, _ = store.get_or_create(UPLOAD, EPOCH)
    store.begin_sending(upload.ref, EPOCH, LEASE)
    return upload.ref


@pytest.mark.parametrize("how", ["decided", "answered late", "spooled", "an orphan"])
@pytest.mark.parametrize("forgotten", [False, True])
def test_a_training_of_a_set_that_gets_its_id_later_is_found_by_its_photos(
    store: Store, how: str, forgotten: bool
) -> None:
    upload = _upload_without_an_id(store)
    first = replace(NEW, parent_task_id="set-1", fingerprint=None, estimated_credits=None, photo_count=None)
    training, _ = store.get_or_create(first, EPOCH + 1)
    store.begin_sending(training.ref, EPOCH + 1, LEASE)
    store.record_response(training.ref, 1, Event.ACCEPTED, Answer(task_id="t"), EPOCH + 1)
    if forgotten:
        store.forget_subject("", [training.ref], EPOCH + 1)
    if how == "spooled":
        store.spool(upload, 1, "set-1", EPOCH + 2)
    else:
        store.record_response(upload, 1, Event.UNCLEAR, Answer(), EPOCH + 2)
    if how == "decided":
        store.resolve(upload, Event.USER_SAYS_ACCEPTED, "set-1", EPOCH + 3)
    elif how == "an orphan":
        store.resolve(upload, Event.USER_SAYS_SEND_AGAIN, None, EPOCH + 3)
        store.begin_sending(upload, EPOCH + 3, LEASE)
    if how in ("answered late", "an orphan"):
        store.record_response(upload, 1, Event.ACCEPTED, Answer(task_id="set-1"), EPOCH + 4)
    again, is_new = store.get_or_create(
        replace(first, parent_task_id="set-2", fingerprint="print-1"), EPOCH + 5
    )
    assert (again.ref, is_new) == (training.ref, False)
    known = found(store, upload)
    assert (again.set_ref is not None, again.set_ref == known.set_ref) == (True, not forgotten)
    if not forgotten and how != "an orphan":
        assert (again.fingerprint, again.photo_count, again.estimated_credits) == ("print-1", 12, 48.0)


def test_a_training_created_before_its_set_had_an_id_is_recorded_with_its_photos(store: Store) -> None:
    upload = _upload_without_an_id(store)
    read_before = replace(
        NEW, parent_task_id="set-1", fingerprint=None, estimated_credits=None, photo_count=None
    )
    store.record_response(upload, 1, Event.ACCEPTED, Answer(task_id="set-1"), EPOCH)
    training, _ = store.get_or_create(read_before, EPOCH + 1)
    assert (training.fingerprint, training.photo_count, training.estimated_credits) == ("print-1", 12, 48.0)


def test_a_caller_that_may_not_send_adds_no_row_after_a_give_up(store: Store) -> None:
    for _ in range(2):
        with pytest.raises(PaymentNotApproved):
            store.get_or_create(NEW, EPOCH, may_send=False)
    waiting, is_new = store.get_or_create(NEW, EPOCH)
    assert is_new
    with pytest.raises(PaymentNotApproved):
        store.get_or_create(NEW, EPOCH, may_send=False)
    assert store.begin_sending(waiting.ref, EPOCH, LEASE)
    assert store.get_or_create(NEW, EPOCH, may_send=False)[0].ref == waiting.ref
