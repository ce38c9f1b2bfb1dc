"""Every state and event of a paid request, with the state that follows."""

from __future__ import annotations

import pytest

from apiframe_studio.ledger.states import FINAL, OPEN, UNDER_WAY, Event, State, next_state

ARROWS = {
    State.INTENT: {
        Event.SEND: State.SENDING,
        Event.USER_GIVES_UP: State.ABANDONED,
        Event.ACCEPTED: State.QUEUED,
    },
    State.SENDING: {
        Event.NOT_SENT: State.INTENT,
        Event.THROTTLED: State.INTENT,
        Event.REFUSED: State.REJECTED,
        Event.UNCLEAR: State.UNCONFIRMED,
        Event.LEASE_RAN_OUT: State.UNCONFIRMED,
        Event.ACCEPTED: State.QUEUED,
    },
    State.UNCONFIRMED: {
        Event.ACCEPTED: State.QUEUED,
        Event.REFUSED: State.REJECTED,
        Event.UNCLEAR: State.UNCONFIRMED,
        Event.REPEATED: State.SENDING,
        Event.NEVER_COMPLETE: State.INTENT,
        Event.USER_SAYS_ACCEPTED: State.QUEUED,
        Event.USER_SAYS_SEND_AGAIN: State.INTENT,
        Event.USER_GIVES_UP: State.ABANDONED,
    },
    State.QUEUED: {
        Event.SEEN_QUEUED: State.QUEUED,
        Event.SEEN_PROCESSING: State.PROCESSING,
        Event.SEEN_FINISHED: State.FINISHED,
        Event.SEEN_FAILED: State.FAILED,
        Event.USER_SAYS_ACCEPTED: State.QUEUED,
        Event.USER_GIVES_UP: State.ABANDONED,
    },
    State.PROCESSING: {
        Event.SEEN_QUEUED: State.QUEUED,
        Event.SEEN_PROCESSING: State.PROCESSING,
        Event.SEEN_FINISHED: State.FINISHED,
        Event.SEEN_FAILED: State.FAILED,
        Event.USER_SAYS_ACCEPTED: State.QUEUED,
        Event.USER_GIVES_UP: State.ABANDONED,
    },
    State.FINISHED: {Event.SEEN_FINISHED: State.FINISHED},
    State.FAILED: {},
    State.REJECTED: {},
    State.ABANDONED: {Event.ACCEPTED: State.QUEUED},
}
"""The whole state machine, written a second time, independently of the code."""

PERSONS = {Event.USER_SAYS_ACCEPTED, Event.USER_SAYS_SEND_AGAIN, Event.USER_GIVES_UP}


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_state_handles_every_event_as_designed(state: State, event: Event) -> None:
    assert next_state(state, event) is ARROWS[state].get(event)


def test_only_the_user_proof_that_nothing_was_sent_or_a_free_repeat_leads_back_to_sending() -> None:
    back = {(state, event) for state in State for event in Event if next_state(state, event) is State.INTENT}
    assert back == {
        (State.SENDING, Event.NOT_SENT),
        (State.SENDING, Event.THROTTLED),
        (State.UNCONFIRMED, Event.NEVER_COMPLETE),
        (State.UNCONFIRMED, Event.USER_SAYS_SEND_AGAIN),
    }
    assert [state for state in State if next_state(state, Event.REPEATED)] == [State.UNCONFIRMED]
    assert [state for state in State if next_state(state, Event.SEND)] == [State.INTENT]


def test_an_unconfirmed_request_stays_so_until_the_service_or_the_user_settles_it() -> None:
    leaving = {
        event for event in Event if next_state(State.UNCONFIRMED, event) not in (None, State.UNCONFIRMED)
    }
    assert leaving == PERSONS | {Event.ACCEPTED, Event.REFUSED, Event.REPEATED, Event.NEVER_COMPLETE}


def test_every_state_is_open_or_final_and_never_both() -> None:
    assert set(State) == OPEN | FINAL
    assert not OPEN & FINAL
    assert UNDER_WAY < OPEN
