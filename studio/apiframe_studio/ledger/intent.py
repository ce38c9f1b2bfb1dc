"""What counts as the same intent, so that one request of a person is paid for once. Pure.

The same intent is the same photos and word at the same service for the same owner: not the subject's
name, the webhook or the key. MCP clients re-issue calls (the 2026-07-28 revision requires it after a
broken stream), so the answer to a call made twice has to be the first one's row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from apiframe_studio.ledger.states import OPEN, State
from apiframe_studio.studio_error import StudioError


class Candidate(Protocol):
    """What has to be known of an earlier submission to judge a new one against it."""

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
    """What an idempotency key was answered with before, and whether it was for the same photos and word."""

    row: _Candidate
    same_request: bool


class KeyReused(StudioError):
    """The idempotency key was used for `earlier`, with other photos or another trigger word. Nothing was sent."""

    def __init__(self, earlier: Candidate) -> None:
        super().__init__("that idempotency key was used for another request")
        self.earlier = earlier


def is_settled(row: Candidate) -> bool:
    """Finished or failed: the service took it and is done with it."""
    return row.state in (State.FINISHED, State.FAILED)


def same_intent(
    intent: Intent,
    earlier: Sequence[_Candidate],
    keyed: Keyed[_Candidate] | None = None,
    is_reusable: Callable[[_Candidate], bool] = is_settled,
) -> _Candidate | None:
    """The earlier submission that already carries this intent, or None when it is a new one.

    `earlier` holds every submission of the same kind, service and owner that shares the photos, newest
    first; `keyed` what the intent's key was answered with last. `is_reusable` says whether a settled one
    answers the request as well as a new one would. One that was sent comes before one that only waits to be sent.

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
