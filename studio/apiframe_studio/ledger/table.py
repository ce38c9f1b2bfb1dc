"""Submissions and observations between their values and their tables."""

from __future__ import annotations

import secrets
from dataclasses import asdict, fields, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, insert, or_, select, update

from apiframe_studio.ledger.rows import Kind, NewSubmission, Observation, Submission
from apiframe_studio.ledger.schema import observations, submissions
from apiframe_studio.submission import State

REF_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
WATCHED_SECONDS: Final = 300.0
REF_PREFIX: Final = {Kind.TRAINING: "tr"}


def rivals(new: NewSubmission) -> ColumnElement[bool]:
    same_place = (
        (submissions.c.kind == new.kind.value)
        & (submissions.c.service == new.service)
        & (submissions.c.owner == new.owner)
    )
    same_thing = submissions.c.about == new.about
    if new.idempotency_key:
        same_thing = or_(same_thing, submissions.c.idempotency_key == new.idempotency_key)
    return same_place & same_thing


def keep_stray(connection: Connection, row: Submission, task_id: str, now: float) -> Submission:
    new = NewSubmission(row.kind, row.service, row.owner, row.about, row.wording, row.subject)
    return store(connection, replace(add(connection, new, State.QUEUED, now), task_id=task_id))


def add(connection: Connection, new: NewSubmission, state: State, now: float) -> Submission:
    row = Submission(ref=_new_ref(new.kind), state=state, attempt=0, created_at=now, **asdict(new))
    connection.execute(insert(submissions).values(**_columns(row)))
    return row


def store(connection: Connection, row: Submission) -> Submission:
    connection.execute(update(submissions).where(submissions.c.ref == row.ref).values(**_columns(row)))
    return row


def one(connection: Connection, ref: str) -> Submission | None:
    return next(iter(read(connection, submissions.c.ref == ref)), None)


def read(connection: Connection, wanted: ColumnElement[bool]) -> list[Submission]:
    query = select(submissions).where(wanted).order_by(submissions.c.created_at.desc(), submissions.c.ref)
    return [_submission(row) for row in connection.execute(query).mappings()]


def durations_like(row: Submission) -> Select[tuple[float]]:
    """How long the latest finished submissions of the same kind took, in seconds.

    Only those that were seen running shortly before: one that was first looked at a week later says nothing.
    """
    seen_running = (
        select(observations.c.id)
        .where(observations.c.ref == submissions.c.ref)
        .where(observations.c.state == State.PROCESSING.value)
        .where(observations.c.at >= submissions.c.finished_at - WATCHED_SECONDS)
        .exists()
    )
    return (
        select((submissions.c.finished_at - submissions.c.accepted_at).label("seconds"))
        .where(submissions.c.kind == row.kind.value)
        .where(submissions.c.service == row.service)
        .where(submissions.c.owner == row.owner)
        .where(submissions.c.state == State.FINISHED.value)
        .where(submissions.c.accepted_at.is_not(None))
        .where(seen_running)
        .order_by(submissions.c.finished_at.desc())
        .limit(20)
    )


def _new_ref(kind: Kind) -> str:
    return f"{REF_PREFIX[kind]}-{''.join(secrets.choice(REF_LETTERS) for _ in range(7))}"


def _columns(row: Submission) -> dict[str, Any]:
    return {**asdict(row), "kind": row.kind.value, "state": row.state.value}


def _submission(row: RowMapping) -> Submission:
    kept: dict[str, Any] = {**row, "kind": Kind(row["kind"]), "state": State(row["state"])}
    return Submission(**kept)


def as_observation(row: RowMapping) -> Observation:
    kept: dict[str, Any] = {field.name: row[field.name] for field in fields(Observation)}
    kept["state"] = State(row["state"])
    return Observation(**kept)
