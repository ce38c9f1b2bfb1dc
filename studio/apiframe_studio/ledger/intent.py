"""What counts as the same intent, so that one request of the user is paid for once. Pure.

The same intent is the same photos and word at the same service for the same owner: not the subject's name, the webhook
or the key. MCP clients re-issue calls (the 2026-07-28 revision requires it after a broken stream), so a repeated call
has to return the row of the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from apiframe_studio.ledger.states import OPEN, State
from apiframe_studio.studio_error import StudioError


class Candidate(Protocol):
    """What is needed of an earlier submission to compare a new one with it."""

    @property
    def state(self) -> State: ...


@dataclass(frozen=True)
class Intent:
    """One request. `about` is what is paid for (the photos); `wording` what it is asked to be called."""

    about: str | None
    wording: str | None = None
    idempotency_key: str | None = None


_Candidate = TypeVar("_Candidate", bound=Candidate)


@dataclass(frozen=True)
class Keyed(Generic[_Candidate]):
    """What an idempotency key returned before, and whether for the same photos and trigger word."""

    row: _Candidate
    same_request: bool


class KeyReused(StudioError):
    """The idempotency key was used for `earlier`, with other photos or another trigger word. Nothing was sent."""

    def __init__(self, earlier: Candidate) -> None:
        super().__init__("that idempotency key was used for another request")
        self.earlier = earlier


def is_settled(row: Candidate) -> bool:
    """Whether the service has finished it or failed."""
    return row.state in (State.FINISHED, State.FAILED)


def find_same_intent(
    intent: Intent,
    earlier: Sequence[_Candidate],
    keyed: Keyed[_Candidate] | None = None,
    is_reusable: Callable[[_Candidate], bool] = is_settled,
) -> _Candidate | None:
    """Return the earlier submission with the same intent, or None if there is none.

    `earlier` holds every submission of the same kind, service and owner that shares the photos, newest first; `keyed`
    what the intent's key returned last. `is_reusable` says whether a settled one is as good as a new one. A sent one
    precedes one that waits to be sent.

    Raises:
        KeyReused: the key was used before with other photos or another word.
    """
    if keyed is not None and not keyed.same_request:
        raise KeyReused(keyed.row)
    answered: tuple[_Candidate, ...] = () if keyed is None else (keyed.row,)
    known = (*answered, *earlier)
    was_sent = [row for row in known if row.state in OPEN and row.state is not State.INTENT]
    settled: Sequence[_Candidate] = answered if intent.idempotency_key else earlier
    good = [row for row in settled if is_reusable(row)]
    waiting = [row for row in known if row.state is State.INTENT]
    return next(iter((*was_sent, *good, *waiting)), None)
