"""The life of one paid request, as a pure state machine.

    (none) -> INTENT -> SENDING -> QUEUED -> PROCESSING -> FINISHED | FAILED
                           |-> INTENT       provably not sent, or rate limited (429)
                           |-> REJECTED     the service refused it
                           '-> UNCONFIRMED  it is unknown whether it was accepted
    UNCONFIRMED -> QUEUED               a late response, a salvaged id, a listing, a webhook, or an id from the user
    UNCONFIRMED -> SENDING              the program repeats it with its idempotency key, where the service takes one
    UNCONFIRMED -> INTENT               its body never left completely, and listings of the service do not show it
    UNCONFIRMED -> INTENT | ABANDONED   else only the user decides
    QUEUED | PROCESSING -> ABANDONED    the user, once the service does not know it any more, or after a day
    QUEUED | PROCESSING -> QUEUED       the user corrects an id that the service does not know

An intent is on disk before its first byte is sent, and a request with an unknown outcome is sent again automatically
only where that cannot pay twice. Nothing here does I/O: `next_state` returns the
state that follows, and the ledger makes each transition one durable compare-and-set.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """The state of a paid request. The ledger stores the values."""

    INTENT = "intent"
    SENDING = "sending"
    QUEUED = "queued"
    PROCESSING = "processing"
    FINISHED = "finished"
    FAILED = "failed"
    REJECTED = "rejected"
    UNCONFIRMED = "unconfirmed"
    ABANDONED = "abandoned"


class Event(StrEnum):
    """What can happen to a paid request."""

    SEND = "send"
    NOT_SENT = "not_sent"
    THROTTLED = "throttled"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    LEASE_RAN_OUT = "lease_ran_out"
    ACCEPTED = "accepted"
    REPEATED = "repeated"
    NEVER_COMPLETE = "never_complete"
    SEEN_QUEUED = "seen_queued"
    SEEN_PROCESSING = "seen_processing"
    SEEN_FINISHED = "seen_finished"
    SEEN_FAILED = "seen_failed"
    USER_SAYS_ACCEPTED = "user_says_accepted"
    USER_SAYS_SEND_AGAIN = "user_says_send_again"
    USER_GIVES_UP = "user_gives_up"


OPEN: Final = frozenset({State.INTENT, State.SENDING, State.UNCONFIRMED, State.QUEUED, State.PROCESSING})
"""States in which credits may be spent: the same photos are not paid for again."""

FINAL: Final = frozenset({State.FINISHED, State.FAILED, State.REJECTED, State.ABANDONED})
"""States that no status check changes."""

UNDER_WAY: Final = frozenset({State.QUEUED, State.PROCESSING})
"""States in which the service has the task and a status check may return a new state."""

_S, _E = State, Event

ENDED: Final = frozenset({State.FINISHED, State.FAILED})
"""States in which the service has ended the task."""

SEEN: Final = {
    _S.QUEUED: _E.SEEN_QUEUED,
    _S.PROCESSING: _E.SEEN_PROCESSING,
    _S.FINISHED: _E.SEEN_FINISHED,
    _S.FAILED: _E.SEEN_FAILED,
}
"""The event of a status check that returns this state."""

_ARROWS: Final[dict[tuple[State, Event], State]] = {
    (_S.INTENT, _E.SEND): _S.SENDING,
    (_S.INTENT, _E.USER_GIVES_UP): _S.ABANDONED,
    (_S.SENDING, _E.NOT_SENT): _S.INTENT,
    (_S.SENDING, _E.THROTTLED): _S.INTENT,
    (_S.SENDING, _E.REFUSED): _S.REJECTED,
    (_S.SENDING, _E.UNCLEAR): _S.UNCONFIRMED,
    (_S.SENDING, _E.LEASE_RAN_OUT): _S.UNCONFIRMED,
    (_S.SENDING, _E.ACCEPTED): _S.QUEUED,
    # A response may arrive after another process found the lease expired, or after the user gave up or asked to send
    # again. It is better evidence than either.
    (_S.UNCONFIRMED, _E.ACCEPTED): _S.QUEUED,
    (_S.UNCONFIRMED, _E.REFUSED): _S.REJECTED,
    (_S.UNCONFIRMED, _E.UNCLEAR): _S.UNCONFIRMED,
    (_S.ABANDONED, _E.ACCEPTED): _S.QUEUED,
    (_S.INTENT, _E.ACCEPTED): _S.QUEUED,
    (_S.UNCONFIRMED, _E.REPEATED): _S.SENDING,
    (_S.UNCONFIRMED, _E.NEVER_COMPLETE): _S.INTENT,
    (_S.UNCONFIRMED, _E.USER_SAYS_ACCEPTED): _S.QUEUED,
    (_S.UNCONFIRMED, _E.USER_SAYS_SEND_AGAIN): _S.INTENT,
    (_S.UNCONFIRMED, _E.USER_GIVES_UP): _S.ABANDONED,
    # Only where the service no longer knows it, or after a day: see `transitions.is_open_to`.
    **{(state, _E.USER_GIVES_UP): _S.ABANDONED for state in UNDER_WAY},
    **{(state, _E.USER_SAYS_ACCEPTED): _S.QUEUED for state in UNDER_WAY},
    # A finished training without a trigger word is checked again.
    (_S.FINISHED, _E.SEEN_FINISHED): _S.FINISHED,
    **{(state, event): seen for state in UNDER_WAY for seen, event in SEEN.items()},
}


def next_state(state: State, event: Event) -> State | None:
    """Return the state that follows, or None if the event cannot happen in this state.

    A late `NOT_SENT` or `THROTTLED` for an unconfirmed row returns None on purpose: the user may be deciding about it,
    and it is safer to assume that it may be paid.
    """
    return _ARROWS.get((state, event))
