"""What a person decides, what a late answer may still change, and which keys and ids are remembered for which row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from apiframe_studio.intent import KeyReused, NothingSent
from apiframe_studio.ledger import Answer, IdTaken, Kind, NewSubmission, Observation, RowPage, Submission
from apiframe_studio.ledger.book import Book
from apiframe_studio.submission import Event, State

from .stepped_clock import EPOCH

PLACE = ("https://service.invalid v1", "local")
NEW = NewSubmission(Kind.TRAINING, *PLACE, "images-1", "TOKSIS", "Anna", idempotency_key="key-1")
LEASE = 50.0
DECISIONS = (Event.PERSON_SAYS_ACCEPTED, Event.PERSON_SAYS_SEND_AGAIN, Event.PERSON_GIVES_UP)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path / "ledger.sqlite3")
    yield made
    made.close()


def unconfirmed(book: Book, new: NewSubmission) -> Submission:
    row, _ = book.admit(new, EPOCH)
    book.begin_sending(row.ref, EPOCH, LEASE)
    moved = book.settle(row.ref, 1, Event.UNCLEAR, Answer(), EPOCH)
    assert moved is not None
    return moved


def found(book: Book, ref: str) -> Submission:
    row = book.find(*PLACE, ref, EPOCH)
    assert row is not None
    return row


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("event", DECISIONS)
def test_a_task_id_counts_only_with_accepted(book: Book, kind: Kind, event: Event) -> None:
    row = unconfirmed(book, replace(NEW, kind=kind))
    decided = book.decide(row.ref, event, "task-1", EPOCH + 1)
    assert decided is not None
    accepted = event is Event.PERSON_SAYS_ACCEPTED
    assert (decided.task_id, decided.accepted_at) == (("task-1", EPOCH + 1) if accepted else (None, None))
    assert (book.find(*PLACE, "task-1", EPOCH) is not None) is accepted


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("of", Kind)
def test_an_id_of_another_submission_is_refused_in_the_transaction_itself(
    book: Book, kind: Kind, of: Kind
) -> None:
    other, _ = book.adopt(NewSubmission(of, *PLACE, "", subject="Bruno"), "task-1", EPOCH)
    row = unconfirmed(book, replace(NEW, kind=kind))
    with pytest.raises(IdTaken) as refused:
        book.decide(row.ref, Event.PERSON_SAYS_ACCEPTED, "task-1", EPOCH)
    assert refused.value.row.ref == other.ref
    assert found(book, row.ref) == row


def test_an_id_that_is_known_is_not_taken_in_again(book: Book) -> None:
    row, is_new = book.adopt(NewSubmission(Kind.TRAINING, *PLACE, "", subject="Bruno"), "task-1", EPOCH)
    again, is_new_again = book.adopt(
        NewSubmission(Kind.TRAINING, *PLACE, "", subject="Carla"), "task-1", EPOCH
    )
    assert (is_new, is_new_again, again.ref, again.subject) == (True, False, row.ref, "Bruno")


def test_only_what_has_no_name_gets_one(book: Book) -> None:
    unnamed, _ = book.admit(replace(NEW, subject=None), EPOCH)
    named = [book.rename(unnamed.ref, name) for name in ("Anna", "Berta")]
    assert [row and row.subject for row in named] == ["Anna", "Anna"]


@pytest.mark.parametrize("event", [Event.NOT_SENT, Event.THROTTLED, Event.REFUSED, Event.UNCLEAR])
def test_the_late_outcome_of_an_earlier_attempt_changes_nothing_about_the_one_under_way(
    book: Book, event: Event
) -> None:
    """Else "not sent" about the first would make the second, which may be paid, an intent that is sent a third time."""
    row = unconfirmed(book, NEW)
    book.decide(row.ref, Event.PERSON_SAYS_SEND_AGAIN, None, EPOCH)
    second = book.begin_sending(row.ref, EPOCH + 1, LEASE)
    assert second is not None
    assert book.settle(row.ref, 1, event, Answer(message="late"), EPOCH + 2) is None
    assert found(book, row.ref) == second
    assert book.begin_sending(row.ref, EPOCH + 3, LEASE) is None


def answered_with(book: Book, new: NewSubmission, state: State) -> Submission:
    """A training of these photos that has come to `state`."""
    row, _ = book.admit(new, EPOCH)
    book.begin_sending(row.ref, EPOCH, LEASE)
    book.settle(row.ref, 1, Event.ACCEPTED, Answer(task_id="task-1"), EPOCH)
    if state is not State.QUEUED:
        book.observe(row.ref, Observation(EPOCH + 1, state))
    return row


@pytest.mark.parametrize("word", ["TOKSIS", "TOKBRO", None])
def test_every_key_that_was_answered_with_a_training_is_remembered_for_it(
    book: Book, word: str | None
) -> None:
    """A client makes its call again after the training has ended: that is no new request."""
    row = answered_with(book, NEW, State.QUEUED)
    calls = [replace(NEW, wording=word, idempotency_key=f"key-{number}") for number in (2, 3)]
    assert [book.admit(call, EPOCH)[0].ref for call in calls] == [row.ref] * 2
    book.observe(row.ref, Observation(EPOCH + 1, State.FINISHED))
    assert [book.admit(call, EPOCH) for call in calls] == [(found(book, row.ref), False)] * 2
    assert book.admit(NEW, EPOCH)[1] is False
    assert book.admit(replace(NEW, idempotency_key="key-4"), EPOCH)[1] is True


def test_a_key_that_was_answered_stands_for_what_was_asked_with_it(book: Book) -> None:
    answered_with(book, NEW, State.QUEUED)
    book.admit(replace(NEW, wording="TOKBRO", idempotency_key="key-2"), EPOCH)
    for word, photos in (("TOKSIS", "images-1"), ("TOKBRO", "images-2")):
        with pytest.raises(KeyReused):
            book.admit(replace(NEW, about=photos, wording=word, idempotency_key="key-2"), EPOCH)


def test_a_key_whose_request_was_refused_asks_anew_and_stands_for_the_new_one(book: Book) -> None:
    first, _ = book.admit(NEW, EPOCH)
    book.begin_sending(first.ref, EPOCH, LEASE)
    book.settle(first.ref, 1, Event.REFUSED, Answer(), EPOCH)
    second, is_new = book.admit(NEW, EPOCH + 1)
    assert is_new
    assert book.admit(NEW, EPOCH + 2)[0].ref == second.ref


def test_what_the_service_does_not_know_is_marked_once_and_unmarked_when_it_is_known(book: Book) -> None:
    row = answered_with(book, NEW, State.QUEUED)
    for later in (5, 9):
        book.mark_missing(row.ref, EPOCH + later)
    assert found(book, row.ref).missing_since == EPOCH + 5
    book.observe(row.ref, Observation(EPOCH + 10, State.QUEUED))
    assert found(book, row.ref).missing_since is None


def test_unsettled_is_everything_open_or_unconfirmed_but_trainings_under_way(book: Book) -> None:
    expected = set()
    for kind in Kind:
        for state in State:
            row, _ = book.admit(NewSubmission(kind, *PLACE, f"{kind} {state}"), EPOCH)
            steps = {
                State.INTENT: [],
                State.SENDING: [Event.SEND],
                State.UNCONFIRMED: [Event.SEND, Event.UNCLEAR],
                State.ABANDONED: [Event.PERSON_GIVES_UP],
                State.REJECTED: [Event.SEND, Event.REFUSED],
            }.get(state, [Event.SEND, Event.ACCEPTED])
            for step in steps:
                if step is Event.SEND:
                    book.begin_sending(row.ref, EPOCH, LEASE)
                elif step is Event.PERSON_GIVES_UP:
                    book.decide(row.ref, step, None, EPOCH)
                else:
                    book.settle(row.ref, 1, step, Answer(task_id=row.ref), EPOCH)
            if state in (State.PROCESSING, State.FINISHED, State.FAILED):
                book.observe(row.ref, Observation(EPOCH, state))
            under_way = state in (State.QUEUED, State.PROCESSING) and kind is not Kind.TRAINING
            if under_way or state in (State.INTENT, State.SENDING, State.UNCONFIRMED):
                expected.add((kind, state))
    unsettled = book.unsettled(*PLACE, EPOCH)
    assert {(row.kind, row.state) for row in unsettled.rows} == expected
    assert len(unsettled.rows) == unsettled.total == len(expected)
    cut = book.unsettled(*PLACE, EPOCH, limit=3)
    assert (len(cut.rows), cut.total) == (3, len(expected))


def test_a_training_under_way_that_the_service_does_not_know_is_unsettled(book: Book) -> None:
    row = answered_with(book, NEW, State.QUEUED)
    assert book.unsettled(*PLACE, EPOCH) == RowPage([], 0)
    book.mark_missing(row.ref, EPOCH)
    unsettled = book.unsettled(*PLACE, EPOCH)
    assert ([found.ref for found in unsettled.rows], unsettled.total) == ([row.ref], 1)


def test_what_was_not_sent_does_not_push_out_what_is_unconfirmed(book: Book) -> None:
    lost, _ = book.admit(NEW, EPOCH)
    book.begin_sending(lost.ref, EPOCH, LEASE)
    book.settle(lost.ref, 1, Event.UNCLEAR, Answer(), EPOCH)
    for number in range(4):
        book.admit(NewSubmission(Kind.TRAINING, *PLACE, f"unsent {number}"), EPOCH + 1)
    unsettled = book.unsettled(*PLACE, EPOCH + 1, limit=3)
    assert [row.state for row in unsettled.rows] == [State.UNCONFIRMED, State.INTENT, State.INTENT]
    assert unsettled.rows[0].ref == lost.ref


def test_a_sender_that_died_is_unsettled_as_unconfirmed(book: Book) -> None:
    row, _ = book.admit(replace(NEW, kind=Kind.GENERATION), EPOCH)
    book.begin_sending(row.ref, EPOCH, LEASE)
    (listed,) = book.unsettled(*PLACE, EPOCH + LEASE + 1).rows
    assert (listed.ref, listed.state) == (row.ref, State.UNCONFIRMED)


@pytest.mark.parametrize("back", [61.0, 50 * 60.0, 7 * 24 * 3600.0])
def test_a_clock_that_was_set_back_keeps_nobody_from_deciding(book: Book, back: float) -> None:
    row, _ = book.admit(NEW, EPOCH)
    book.begin_sending(row.ref, EPOCH, LEASE)
    decided = book.decide(row.ref, Event.PERSON_GIVES_UP, None, EPOCH - back)
    assert decided is not None
    assert decided.state is State.ABANDONED


def test_a_lease_that_nobody_would_give_holds_for_an_hour(book: Book) -> None:
    row, _ = book.admit(NEW, EPOCH)
    book.begin_sending(row.ref, EPOCH, 30 * 24 * 3600.0)
    assert book.decide(row.ref, Event.PERSON_GIVES_UP, None, EPOCH + 3_599) is None
    assert book.decide(row.ref, Event.PERSON_GIVES_UP, None, EPOCH + 3_601) is not None


SENT_BEFORE = {
    State.SENDING: (),
    State.UNCONFIRMED: (Event.UNCLEAR,),
    State.QUEUED: (Event.ACCEPTED,),
    State.FINISHED: (Event.ACCEPTED, State.FINISHED),
    State.FAILED: (Event.ACCEPTED, State.FAILED),
}


@pytest.mark.parametrize("state", SENT_BEFORE)
@pytest.mark.parametrize("key", ["none", "from the start", "later"])
def test_one_that_waited_is_not_sent_after_another_of_the_same_photos_was(
    book: Book, state: State, key: str
) -> None:
    given = "key-1" if key == "from the start" else None
    first = replace(NEW, about="set-1", fingerprint="photos-1", idempotency_key=given)
    waits, _ = book.admit(first, EPOCH)
    other, _ = book.admit(replace(first, about="set-2", idempotency_key=None), EPOCH + 1)
    assert waits.ref != other.ref
    book.begin_sending(other.ref, EPOCH, LEASE)
    for step in SENT_BEFORE[state]:
        if isinstance(step, Event):
            book.settle(other.ref, 1, step, Answer(task_id="t" if step is Event.ACCEPTED else None), EPOCH)
        else:
            book.observe(other.ref, Observation(EPOCH + 2, step))
    if key == "later":
        book.admit(replace(first, idempotency_key="key-2"), EPOCH + 3)
    begun = book.begin_sending(waits.ref, EPOCH + 3, LEASE)
    assert begun is not None
    # Only who knows of a training can ask for one more on purpose.
    again = key == "later" and state in (State.FINISHED, State.FAILED)
    assert (begun.ref, begun.state) == ((waits.ref, State.SENDING) if again else (other.ref, state))
    assert found(book, waits.ref).state is (State.SENDING if again else State.INTENT)


def test_the_key_of_one_that_waited_is_answered_with_the_training_that_was_accepted_meanwhile(
    book: Book,
) -> None:
    first = replace(NEW, about="set-1", fingerprint="photos-1", idempotency_key="key-1")
    waits, _ = book.admit(first, EPOCH)
    other, _ = book.admit(replace(first, about="set-2", idempotency_key=None), EPOCH + 1)
    book.begin_sending(other.ref, EPOCH + 1, LEASE)
    book.settle(other.ref, 1, Event.ACCEPTED, Answer(task_id="t"), EPOCH + 1)
    book.observe(other.ref, Observation(EPOCH + 2, State.FINISHED))
    again, is_new = book.admit(first, EPOCH + 3)
    assert (again.ref, is_new) == (other.ref, False)
    on_purpose, _ = book.admit(replace(first, idempotency_key="key-2"), EPOCH + 4)
    assert on_purpose.ref == waits.ref
    begun = book.begin_sending(waits.ref, EPOCH + 4, LEASE)
    assert begun is not None
    assert (begun.ref, begun.state) == (waits.ref, State.SENDING)


UPLOAD = NewSubmission(Kind.UPLOAD, NEW.service, NEW.owner, "print-1", credits=2.0, photos=12)


def _upload_without_an_id(book: Book) -> str:
    upload, _ = book.admit(UPLOAD, EPOCH)
    book.begin_sending(upload.ref, EPOCH, LEASE)
    return upload.ref


@pytest.mark.parametrize("how", ["decided", "answered late", "spooled", "a stray"])
@pytest.mark.parametrize("forgotten", [False, True])
def test_a_training_of_a_set_whose_id_comes_later_is_known_by_its_photos(
    book: Book, how: str, forgotten: bool
) -> None:
    upload = _upload_without_an_id(book)
    first = replace(NEW, about="set-1", fingerprint=None, credits=None, photos=None)
    training, _ = book.admit(first, EPOCH + 1)
    book.begin_sending(training.ref, EPOCH + 1, LEASE)
    book.settle(training.ref, 1, Event.ACCEPTED, Answer(task_id="t"), EPOCH + 1)
    if forgotten:
        book.forget_subject("local", "", [training.ref], EPOCH + 1)
    if how == "spooled":
        book.spool(upload, 1, "set-1", EPOCH + 2)
    else:
        book.settle(upload, 1, Event.UNCLEAR, Answer(), EPOCH + 2)
    if how == "decided":
        book.decide(upload, Event.PERSON_SAYS_ACCEPTED, "set-1", EPOCH + 3)
    elif how == "a stray":
        book.decide(upload, Event.PERSON_SAYS_SEND_AGAIN, None, EPOCH + 3)
        book.begin_sending(upload, EPOCH + 3, LEASE)
    if how in ("answered late", "a stray"):
        book.settle(upload, 1, Event.ACCEPTED, Answer(task_id="set-1"), EPOCH + 4)
    again, is_new = book.admit(replace(first, about="set-2", fingerprint="print-1"), EPOCH + 5)
    assert (again.ref, is_new) == (training.ref, False)
    if not forgotten and how != "a stray":
        assert (again.fingerprint, again.photos, again.credits) == ("print-1", 12, 48.0)


def test_a_training_that_was_read_before_its_set_had_an_id_is_filed_with_its_photos(book: Book) -> None:
    upload = _upload_without_an_id(book)
    read_before = replace(NEW, about="set-1", fingerprint=None, credits=None, photos=None)
    book.settle(upload, 1, Event.ACCEPTED, Answer(task_id="set-1"), EPOCH)
    training, _ = book.admit(read_before, EPOCH + 1)
    assert (training.fingerprint, training.photos, training.credits) == ("print-1", 12, 48.0)


def test_a_caller_that_may_not_send_adds_nothing_whatever_was_given_up_meanwhile(book: Book) -> None:
    for _ in range(2):
        with pytest.raises(NothingSent):
            book.admit(NEW, EPOCH, may_send=False)
    waiting, is_new = book.admit(NEW, EPOCH)
    assert is_new
    with pytest.raises(NothingSent):
        book.admit(NEW, EPOCH, may_send=False)
    assert book.begin_sending(waiting.ref, EPOCH, LEASE)
    assert book.admit(NEW, EPOCH, may_send=False)[0].ref == waiting.ref
