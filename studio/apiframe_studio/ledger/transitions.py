"""How a response, a status check or a decision of the user changes a submission. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from apiframe_studio.ledger.digests import mark_forgotten
from apiframe_studio.ledger.records import Answer, Kind, Observation, Submission
from apiframe_studio.ledger.states import ENDED, FINAL, SEEN, UNDER_WAY, Event, State, next_state

GIVE_UP_AFTER_SECONDS: Final = 24 * 3600.0


def apply_response(
    row: Submission, attempt: int, event: Event, answer: Answer, now: float
) -> Submission | None:
    if row.attempt != attempt or (following := next_state(row.state, event)) is None:
        return None
    is_unclear = following is State.UNCONFIRMED
    facts = replace(
        row.provider_facts,
        raw_response=answer.raw if is_unclear or following is State.QUEUED else None,
        unclear_since=(row.provider_facts.unclear_since or now) if is_unclear else None,
    )
    return replace(
        row,
        state=following,
        lease_until=None,
        task_id=answer.task_id or row.task_id,
        message=answer.message or row.message,
        provider_facts=facts,
        accepted_at=now if following is State.QUEUED else row.accepted_at,
        finished_at=now if following in FINAL else row.finished_at,
    )


def apply_status(row: Submission, following: State, seen: Observation) -> Submission:
    started = seen.at if following is State.PROCESSING else None
    return replace(
        row,
        state=following,
        percentage=row.percentage if seen.percentage is None else seen.percentage,
        message=seen.message or row.message,
        trigger_word=seen.trigger_word or row.trigger_word,
        expires_at=seen.expires_at or row.expires_at,
        missing_since=None,
        started_at=row.started_at or started,
        finished_at=row.finished_at or (seen.at if following in FINAL else None),
        checked_at=seen.at,
    )


def add_status(row: Submission, seen: Observation) -> Submission:
    """Return a submission with the result of a status check, whether or not it can be written."""
    following = next_state(row.state, SEEN[seen.state])
    return row if following is None else remove_personal_data(apply_status(row, following, seen))


def changes_row(row: Submission, seen: Observation) -> bool:
    """Whether a status check returned anything new."""
    following = next_state(row.state, SEEN[seen.state])
    return following is not None and not is_unchanged(row, apply_status(row, following, seen))


def is_unchanged(before: Submission, now: Submission) -> bool:
    return replace(before, checked_at=None) == replace(now, checked_at=None)


def is_unreported(row: Submission) -> bool:
    """Whether a training has ended, and the user may not know it."""
    return row.kind is Kind.TRAINING and row.state in ENDED and row.reported_at is None


def forget_row(row: Submission, now: float) -> Submission:
    """Return a submission without personal data.

    While it is open, a mark replaces its fingerprint, so that its photos are recognised and not paid for twice; see
    `digests.mark_forgotten`. An unsent one is abandoned.
    """
    if row.forgotten_at is not None:
        return row
    fingerprint = None if row.fingerprint is None else mark_forgotten(row.ref, row.fingerprint)
    dedup_key = None if row.dedup_key is None else mark_forgotten(row.ref, row.dedup_key)
    return remove_personal_data(replace(row, forgotten_at=now, dedup_key=dedup_key, fingerprint=fingerprint))


def remove_personal_data(row: Submission) -> Submission:
    """Return what may be stored of a submission: without personal data if it was forgotten."""
    if row.forgotten_at is None:
        return row
    # One that proved not to be accepted after it was forgotten counts as unsent.
    row = replace(
        row,
        state=State.ABANDONED if row.state is State.INTENT else row.state,
        subject=None,
        parent_task_id=None,
        requested_trigger_word=None,
        attributes_digest=None,
        consent_at=None,
        trigger_word=None,
        message=None,
        prompt=None,
        parameters=None,
        provider_facts=replace(row.provider_facts, raw_response=None),
        idempotency_key=None,
    )
    if row.state not in FINAL:
        return row
    return replace(row, dedup_key=None, fingerprint=None)


def is_alike(row: Submission, name: Literal["dedup_key", "fingerprint"], text: str) -> bool:
    """Whether a submission has this dedup key, or is of the photos with this fingerprint, forgotten or not."""
    kept: str | None = getattr(row, name)
    return kept == (text if row.forgotten_at is None else mark_forgotten(row.ref, text))


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
