"""Which earlier submission a new request returns."""

from __future__ import annotations

import pytest

from apiframe_studio.ledger import Kind, Submission
from apiframe_studio.ledger.dedup import Keyed, pick_duplicate
from apiframe_studio.ledger.errors import KeyReused
from apiframe_studio.ledger.states import OPEN, State


def in_state(state: State) -> Submission:
    return Submission("tr-1234567", Kind.TRAINING, "s", "local", None, None, None, state, 1, 0.0)


SETTLED = (State.FINISHED, State.FAILED)
OVER = (State.REJECTED, State.ABANDONED)


def test_a_request_without_earlier_ones_is_new() -> None:
    assert pick_duplicate([]) is None


@pytest.mark.parametrize("state", sorted(OPEN))
@pytest.mark.parametrize("has_key", [False, True])
def test_an_open_request_for_the_same_photos_is_returned_for_any_trigger_word_or_key(
    state: State, has_key: bool
) -> None:
    earlier = in_state(state)
    assert pick_duplicate([earlier], has_key=has_key) is earlier


@pytest.mark.parametrize("state", SETTLED)
def test_a_settled_request_is_returned_unless_a_new_key_is_given(state: State) -> None:
    earlier = in_state(state)
    assert pick_duplicate([earlier]) is earlier
    assert pick_duplicate([earlier], has_key=True) is None
    assert pick_duplicate([earlier], Keyed(earlier, same_request=True), has_key=True) is earlier


@pytest.mark.parametrize("state", OVER)
@pytest.mark.parametrize("has_key", [False, True])
def test_a_rejected_or_abandoned_request_never_prevents_a_new_one(state: State, has_key: bool) -> None:
    keyed = Keyed(in_state(state), same_request=True) if has_key else None
    assert pick_duplicate([in_state(state)], keyed, has_key=has_key) is None


@pytest.mark.parametrize("state", State)
def test_a_key_used_for_another_request_is_an_error(state: State) -> None:
    with pytest.raises(KeyReused):
        pick_duplicate([], Keyed(in_state(state), same_request=False), has_key=True)


def test_an_open_request_precedes_a_settled_one_and_the_newest_precedes_older_ones() -> None:
    newest, older, under_way = in_state(State.FAILED), in_state(State.FINISHED), in_state(State.PROCESSING)
    assert pick_duplicate([newest, older]) is newest
    assert pick_duplicate([newest, older, under_way]) is under_way
    assert pick_duplicate([in_state(State.REJECTED), older]) is older


@pytest.mark.parametrize(
    "state", [*SETTLED, State.SENDING, State.UNCONFIRMED, State.QUEUED, State.PROCESSING]
)
def test_a_sent_request_precedes_one_that_is_waiting_to_be_sent(state: State) -> None:
    waits, sent = in_state(State.INTENT), in_state(state)
    for earlier in ([waits, sent], [sent, waits]):
        assert pick_duplicate(earlier) is sent
    assert pick_duplicate([waits, sent], has_key=True) is (waits if state in SETTLED else sent)
