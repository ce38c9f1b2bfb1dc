"""When the user may end or correct a request that the service has accepted. Pure."""

from __future__ import annotations

from typing import Final

from apiframe_studio.ledger.records import Submission
from apiframe_studio.ledger.states import UNDER_WAY, Event

GIVE_UP_AFTER_SECONDS: Final = 24 * 3600.0


def may_end_at(row: Submission) -> float:
    """Return from when on (seconds since 1970) a request under way may be given up.

    At once when the service does not know the id or the links are gone, else a day after it was accepted.
    """
    if row.missing_since is not None:
        return row.missing_since
    return (row.accepted_at or row.sent_at or row.created_at) + GIVE_UP_AFTER_SECONDS


def is_open_to(row: Submission, event: Event, now: float) -> bool:
    """Whether a decision may be made about a submission in its present state.

    A request under way can be given up from `may_end_at` on, and gets another id only while the service does not know
    the present one: a typing error must not replace a valid id.
    """
    if row.state not in UNDER_WAY:
        return True
    if event is Event.USER_GIVES_UP:
        return now >= may_end_at(row)
    return row.missing_since is not None
