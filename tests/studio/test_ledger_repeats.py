"""A request that is repeated under its idempotency key, and a body whose last part has left or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from apiframe_studio.api.v2.terms import V2_TERMS
from apiframe_studio.ledger import Answer, NewImages, NewTraining, ProviderFacts, Scope, Submission
from apiframe_studio.ledger.errors import LedgerError, PriceAboveLimit
from apiframe_studio.ledger.states import Event, State
from apiframe_studio.ledger.store import Store

from .stepped_clock import EPOCH

SCOPE = Scope("local", "https://service.invalid v2")
LEASE = 50.0
HOUR = 3600.0
IMAGES = NewImages("training-1", "digest", estimated_credits=2.0, image_count=1, parameters={"seed": 7})
TRAINING = NewTraining(None, set_ref="ps-0000001", fingerprint="f" * 64, photo_count=15)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "ledger.sqlite3", SCOPE, terms=V2_TERMS)
    yield opened
    opened.close()


def unclear(store: Store, new: NewImages | NewTraining) -> Submission:
    row, _ = store.get_or_create(new, EPOCH)
    assert store.begin_sending(row.ref, EPOCH, LEASE, None, ProviderFacts(team_id="team"))
    left = store.record_response(row.ref, 1, Event.UNCLEAR, Answer(), EPOCH + 1)
    assert left is not None
    assert (left.state, left.provider_facts.unclear_since) == (State.UNCONFIRMED, EPOCH + 1)
    return left


def test_a_generation_is_repeated_as_the_same_attempt_and_counts_once(store: Store) -> None:
    row = unclear(store, IMAGES)
    repeated = store.begin_repeat(row.ref, EPOCH + 22 * HOUR, LEASE)
    assert repeated is not None
    assert (repeated.state, repeated.attempt, repeated.parameters) == (State.SENDING, 1, {"seed": 7})
    assert store.begin_repeat(row.ref, EPOCH + 22 * HOUR, LEASE) is None
    # The two sendings are one attempt of the daily cap.
    store.check_cap(NewImages("other", "", estimated_credits=1.0), EPOCH + 2, 3.0)


def test_a_repeat_has_a_separate_lease(store: Store) -> None:
    row = unclear(store, IMAGES)
    store.begin_repeat(row.ref, EPOCH + 22 * HOUR, LEASE)
    seen = store.find(row.ref, EPOCH + 22 * HOUR + 1)
    assert seen is not None
    assert seen.state is State.SENDING


def test_a_generation_is_not_repeated_once_the_service_may_have_forgotten_its_key(store: Store) -> None:
    row = unclear(store, IMAGES)
    assert store.begin_repeat(row.ref, EPOCH + 23 * HOUR, LEASE) is None


def test_a_training_is_never_repeated_since_no_key_protects_it(store: Store) -> None:
    row = unclear(store, TRAINING)
    assert store.begin_repeat(row.ref, EPOCH + 5, LEASE) is None


def test_the_last_part_is_noted_while_its_attempt_may_still_be_accepted(store: Store) -> None:
    row, _ = store.get_or_create(TRAINING, EPOCH)
    store.begin_sending(row.ref, EPOCH, LEASE, None, ProviderFacts(credits_before=300.0))
    store.note_last_part(row.ref, 1, EPOCH + 3)
    known = store.find(row.ref, EPOCH + 3)
    assert known is not None
    assert known.provider_facts == ProviderFacts(credits_before=300.0, body_sent_at=EPOCH + 3)


def test_the_last_part_is_not_sent_once_the_row_was_given_up_or_waits_again(store: Store) -> None:
    row = unclear(store, TRAINING)
    store.resolve(row.ref, Event.USER_SAYS_SEND_AGAIN, None, EPOCH + 2)
    with pytest.raises(LedgerError):
        store.note_last_part(row.ref, 1, EPOCH + 3)


def test_a_training_whose_photos_go_with_it_belongs_to_its_set(store: Store) -> None:
    row, _ = store.get_or_create(TRAINING, EPOCH)
    again, is_new = store.get_or_create(TRAINING, EPOCH)
    assert (row.dedup_key, row.parent_task_id) == ("ps-0000001", None)
    assert (again.ref, is_new) == (row.ref, False)


def test_every_ledger_has_a_name_of_four_letters_and_digits(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other" / "ledger.sqlite3", SCOPE, terms=V2_TERMS)
    names = {store.installation(), other.installation()}
    other.close()
    assert len(names) == 2
    assert all(len(name) == 4 and name.isalnum() and name == name.lower() for name in names)


def test_what_was_asked_for_is_forgotten_and_the_team_is_kept(store: Store) -> None:
    row = unclear(store, IMAGES)
    store.forget_subject("Anna", [row.ref], EPOCH + 2)
    known = store.find(row.ref, EPOCH + 2)
    assert known is not None
    assert (known.parameters, known.prompt, known.provider_facts.team_id) == (None, None, "team")
    assert store.begin_repeat(row.ref, EPOCH + 3, LEASE) is None


def test_the_agreed_amount_is_kept_with_a_request_and_a_repeat_respects_it(store: Store) -> None:
    row, _ = store.get_or_create(IMAGES, EPOCH, max_credits=2.0)
    with pytest.raises(PriceAboveLimit):
        store.begin_sending(row.ref, EPOCH, LEASE, max_credits=1.0)
    store.begin_sending(row.ref, EPOCH, LEASE, max_credits=2.0)
    store.record_response(row.ref, 1, Event.UNCLEAR, Answer(), EPOCH + 1)
    repeated = store.begin_repeat(row.ref, EPOCH + HOUR, LEASE)
    assert repeated is not None
    assert repeated.max_credits == 2.0


def test_a_request_above_the_limit_is_not_recorded(store: Store) -> None:
    with pytest.raises(PriceAboveLimit):
        store.get_or_create(IMAGES, EPOCH, max_credits=1.0)
    _, is_new = store.get_or_create(IMAGES, EPOCH)
    assert is_new


def test_a_request_that_waits_is_sent_at_the_price_that_is_known_now(store: Store) -> None:
    waiting, _ = store.get_or_create(TRAINING, EPOCH)
    row, is_new = store.get_or_create(replace(TRAINING, estimated_credits=80.0), EPOCH, max_credits=80.0)
    assert (row.ref, is_new) == (waiting.ref, False)
    with pytest.raises(PriceAboveLimit):
        store.begin_sending(row.ref, EPOCH, LEASE, max_credits=79.0)
    assert store.begin_sending(row.ref, EPOCH, LEASE, max_credits=80.0)
