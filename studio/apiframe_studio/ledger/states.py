"""The life of one paid request, as a pure state machine.

    (none) -> INTENT -> SENDING -> QUEUED -> PROCESSING -> FINISHED | FAILED
                           |-> INTENT       provably not sent, or the service said "later" (429)
                           |-> REJECTED     the service said no
                           '-> UNCONFIRMED  nobody can know whether it was accepted
    UNCONFIRMED -> QUEUED               a late answer, a salvaged id, a webhook, or a person gives the id
    UNCONFIRMED -> INTENT | ABANDONED   only a person decides
    QUEUED | PROCESSING -> ABANDONED    a person, once the service does not know it any more, or after a day
    QUEUED | PROCESSING -> QUEUED       a person corrects an id that the service does not know

The service has no idempotency key and no list of what it was asked for. So an intent is on disk before a
byte of it leaves, and what cannot be known is never sent again by a program. Nothing here does I/O:
`after` says which state follows, and the ledger makes each arrow one durable compare-and-set.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a paid request is. The values are what the ledger stores."""

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
    SEEN_QUEUED = "seen_queued"
    SEEN_PROCESSING = "seen_processing"
    SEEN_FINISHED = "seen_finished"
    SEEN_FAILED = "seen_failed"
    PERSON_SAYS_ACCEPTED = "person_says_accepted"
    PERSON_SAYS_SEND_AGAIN = "person_says_send_again"
    PERSON_GIVES_UP = "person_gives_up"


OPEN: Final = frozenset({State.INTENT, State.SENDING, State.UNCONFIRMED, State.QUEUED, State.PROCESSING})
"""States in which money may be on its way: the same photos are not paid for again."""

FINAL: Final = frozenset({State.FINISHED, State.FAILED, State.REJECTED, State.ABANDONED})
"""States that no look at the service can change."""

UNDER_WAY: Final = frozenset({State.QUEUED, State.PROCESSING})
"""States in which the service holds the task and a look tells more."""

_S, _E = State, Event

_SEEN: Final = {
    _E.SEEN_QUEUED: _S.QUEUED,
    _E.SEEN_PROCESSING: _S.PROCESSING,
    _E.SEEN_FINISHED: _S.FINISHED,
    _E.SEEN_FAILED: _S.FAILED,
}

_ARROWS: Final[dict[tuple[State, Event], State]] = {
    (_S.INTENT, _E.SEND): _S.SENDING,
    (_S.INTENT, _E.PERSON_GIVES_UP): _S.ABANDONED,
    (_S.SENDING, _E.NOT_SENT): _S.INTENT,
    (_S.SENDING, _E.THROTTLED): _S.INTENT,
    (_S.SENDING, _E.REFUSED): _S.REJECTED,
    (_S.SENDING, _E.UNCLEAR): _S.UNCONFIRMED,
    (_S.SENDING, _E.LEASE_RAN_OUT): _S.UNCONFIRMED,
    (_S.SENDING, _E.ACCEPTED): _S.QUEUED,
    # The sender's own answer may come after somebody declared its lease run out, or after a person
    # gave up or asked to send again: whatever was believed meanwhile, the service's word about it is better.
    (_S.UNCONFIRMED, _E.ACCEPTED): _S.QUEUED,
    (_S.UNCONFIRMED, _E.REFUSED): _S.REJECTED,
    (_S.UNCONFIRMED, _E.UNCLEAR): _S.UNCONFIRMED,
    (_S.ABANDONED, _E.ACCEPTED): _S.QUEUED,
    (_S.INTENT, _E.ACCEPTED): _S.QUEUED,
    (_S.UNCONFIRMED, _E.PERSON_SAYS_ACCEPTED): _S.QUEUED,
    (_S.UNCONFIRMED, _E.PERSON_SAYS_SEND_AGAIN): _S.INTENT,
    (_S.UNCONFIRMED, _E.PERSON_GIVES_UP): _S.ABANDONED,
    # Only where the service no longer knows it, or after a day: see `ledger.ending`.
    **{(state, _E.PERSON_GIVES_UP): _S.ABANDONED for state in UNDER_WAY},
    **{(state, _E.PERSON_SAYS_ACCEPTED): _S.QUEUED for state in UNDER_WAY},
    # A finished training whose word was not named yet is looked at again.
    (_S.FINISHED, _E.SEEN_FINISHED): _S.FINISHED,
    **{(state, event): seen for state in UNDER_WAY for event, seen in _SEEN.items()},
}


def after(state: State, event: Event) -> State | None:
    """The state that follows, or None when this event cannot happen in this state.

    A late `NOT_SENT` or `THROTTLED` for a row already declared unconfirmed answers None on purpose: a
    person may be deciding about it by then, and "perhaps paid" is the safe side to stay on.
    """
    return _ARROWS.get((state, event))


def reachable(event: Event) -> frozenset[State]:
    """Every state in which `event` can happen: what a compare-and-set has to find."""
    return frozenset(state for state, known in _ARROWS if known is event)
