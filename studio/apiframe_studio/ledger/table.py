"""Submissions and observations between their values and their tables."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, bindparam, insert, or_, select, update

from apiframe_studio.ledger.rows import Kind, NewSubmission, Observation, Submission
from apiframe_studio.ledger.schema import observations, pictures, submissions
from apiframe_studio.submission import State

REF_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
WATCHED_SECONDS: Final = 300.0
REF_PREFIX: Final = {Kind.TRAINING: "tr", Kind.UPLOAD: "up", Kind.GENERATION: "ge"}

# Built once: SQLAlchemy takes longer to build a statement than SQLite to answer it.
_OURS: Final = (submissions.c.service == bindparam("service")) & (submissions.c.owner == bindparam("owner"))
_OF_KIND: Final = _OURS & (submissions.c.kind == bindparam("kind"))
_NEWEST_FIRST: Final = (submissions.c.created_at.desc(), submissions.c.ref)

ONE: Final = select(submissions).where(submissions.c.ref == bindparam("ref"))
NAMED: Final = (
    select(submissions)
    .where(_OURS, or_(submissions.c.ref == bindparam("name"), submissions.c.task_id == bindparam("name")))
    .order_by(*_NEWEST_FIRST)
)
EVERYTHING: Final = select(submissions).where(_OURS).order_by(*_NEWEST_FIRST)
OF_KIND: Final = select(submissions).where(_OF_KIND).order_by(*_NEWEST_FIRST)
_RIVALS: Final = (
    select(submissions)
    .where(
        _OF_KIND,
        or_(
            submissions.c.about == bindparam("about"),
            submissions.c.idempotency_key == bindparam("idempotency_key"),
        ),
    )
    .order_by(*_NEWEST_FIRST)
)
SEEN_OF: Final = (
    select(observations).where(observations.c.ref == bindparam("ref")).order_by(observations.c.at)
)

PICTURES_OF: Final = select(pictures).where(pictures.c.ref == bindparam("ref")).order_by(pictures.c.number)
SENT_SINCE: Final = select(submissions).where(
    _OURS,
    submissions.c.sent_at >= bindparam("since"),
    submissions.c.state.not_in([State.INTENT.value, State.REJECTED.value]),
)

_SEEN_RUNNING: Final = (
    select(observations.c.id)
    .where(observations.c.ref == submissions.c.ref)
    .where(observations.c.state == State.PROCESSING.value)
    .where(observations.c.at >= submissions.c.finished_at - WATCHED_SECONDS)
    .exists()
)
DURATIONS: Final = (
    select((submissions.c.finished_at - submissions.c.accepted_at).label("seconds"))
    .where(_OF_KIND, submissions.c.state == State.FINISHED.value, submissions.c.accepted_at.is_not(None))
    # One that was first looked at a week after its end says nothing about how long it took.
    .where(_SEEN_RUNNING)
    .order_by(submissions.c.finished_at.desc())
    .limit(20)
)
"""How long the latest finished submissions took, in seconds."""


def rivals(connection: Connection, new: NewSubmission) -> Sequence[Submission]:
    """Every submission that shares the photos or the key with a new one, newest first."""
    # Null equals nothing in SQL, so a wish without a key matches no key.
    wanted = {name: getattr(new, name) for name in ("service", "owner", "about", "idempotency_key")}
    return read(connection, _RIVALS, {**wanted, "kind": new.kind.value})


def is_known(connection: Connection, row: Submission, task_id: str) -> bool:
    """Whether any submission of the same place has this id: a spooled one may come in twice."""
    return bool(read(connection, NAMED, {"service": row.service, "owner": row.owner, "name": task_id}))


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
    rows = read(connection, ONE, {"ref": ref})
    return rows[0] if rows else None


def read(connection: Connection, query: Select[Any], wanted: Mapping[str, Any]) -> Sequence[Submission]:
    return [_submission(row) for row in connection.execute(query, wanted).mappings()]


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
