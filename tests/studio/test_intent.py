"""Which earlier submission a new request returns."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from apiframe_studio.ledger.intent import Intent, Keyed, KeyReused, find_same_intent
from apiframe_studio.ledger.states import OPEN, State


@dataclass(frozen=True)
class Row:
    state: State


REQUEST = Intent("images-1", "TOKSIS")
KEYED = Intent("images-1", "TOKSIS", "key-1")
SETTLED = (State.FINISHED, State.FAILED)
OVER = (State.REJECTED, State.ABANDONED)


def test_a_request_without_earlier_ones_is_new() -> None:
    assert find_same_intent(REQUEST, []) is None


@pytest.mark.parametrize("state", sorted(OPEN))
@pytest.mark.parametrize("key", [None, "key-1", "key-2"])
def test_an_open_request_for_the_same_photos_is_returned_for_any_trigger_word_or_key(
    state: State, key: str | None
) -> None:
    earlier = Row(state)
    assert find_same_intent(Intent("images-1", "TOKSIS", key), [earlier]) is earlier


@pytest.mark.parametrize("state", SETTLED)
def test_a_settled_request_is_returned_unless_a_new_key_is_given(state: State) -> None:
    earlier = Row(state)
    assert find_same_intent(REQUEST, [earlier]) is earlier
    assert find_same_intent(KEYED, [earlier]) is None
    assert find_same_intent(KEYED, [earlier], Keyed(earlier, same_request=True)) is earlier


@pytest.mark.parametrize("state", OVER)
@pytest.mark.parametrize("intent", [REQUEST, KEYED])
def test_a_rejected_or_abandoned_request_never_prevents_a_new_one(state: State, intent: Intent) -> None:
    keyed = Keyed(Row(state), same_request=True) if intent.idempotency_key else None
    assert find_same_intent(intent, [Row(state)], keyed) is None


@pytest.mark.parametrize("state", State)
def test_a_key_used_for_another_request_is_an_error(state: State) -> None:
    with pytest.raises(KeyReused):
        find_same_intent(KEYED, [], Keyed(Row(state), same_request=False))


def test_an_open_request_precedes_a_settled_one_and_the_newest_precedes_older_ones() -> None:
    newest, older, under_way = Row(State.FAILED), Row(State.FINISHED), Row(State.PROCESSING)
    assert find_same_intent(REQUEST, [newest, older]) is newest
    assert find_same_intent(REQUEST, [newest, older, under_way]) is under_way
    assert find_same_intent(REQUEST, [Row(State.REJECTED), older]) is older


@pytest.mark.parametrize(
    "state", [*SETTLED, State.SENDING, State.UNCONFIRMED, State.QUEUED, State.PROCESSING]
)
def test_a_sent_request_precedes_one_that_is_waiting_to_be_sent(state: State) -> None:
    waits, sent = Row(State.INTENT), Row(state)
    for earlier in ([waits, sent], [sent, waits]):
        assert find_same_intent(REQUEST, earlier) is sent
    assert find_same_intent(KEYED, [waits, sent]) is (waits if state in SETTLED else sent)
