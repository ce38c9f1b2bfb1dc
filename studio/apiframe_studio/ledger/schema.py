"""The ledger's tables, and the steps that brought older ledgers to them.

Steps are numbered by `PRAGMA user_version` and each runs in one transaction, so that a kill in the
middle leaves the step either done or not begun. A step is never edited after a release: add one.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, Float, Index, Integer, MetaData, String, Table

metadata: Final = MetaData()

submissions: Final = Table(
    "submissions",
    metadata,
    Column("ref", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("service", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("about", String, nullable=False),
    Column("wording", String),
    Column("subject", String),
    Column("idempotency_key", String),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lease_until", Float),
    Column("task_id", String),
    Column("trigger_word", String),
    Column("percentage", Float),
    Column("message", String),
    Column("answer", String),
    Column("credits", Float),
    Column("created_at", Float, nullable=False),
    Column("sent_at", Float),
    Column("accepted_at", Float),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("checked_at", Float),
    Column("photos", Integer),
    Column("expires_at", Float),
    Column("consent_at", Float),
    Column("prompt", String),
    Index("submissions_about", "service", "owner", "kind", "about"),
    Index("submissions_task", "service", "owner", "task_id"),
    Index("submissions_key", "service", "owner", "kind", "idempotency_key"),
    Index("submissions_newest", "service", "owner", "kind", "created_at"),
)

observations: Final = Table(
    "observations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ref", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("state", String, nullable=False),
    Column("percentage", Float),
    Column("message", String),
    Column("trigger_word", String),
    Column("expires_at", Float),
    Index("observations_ref", "ref", "at"),
)

pictures: Final = Table(
    "pictures",
    metadata,
    Column("ref", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("path", String, nullable=False),
    Column("media_type", String, nullable=False),
    Column("saved_at", Float, nullable=False),
)


def _first_tables(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)


STEPS: Final = (_first_tables,)
VERSION: Final = len(STEPS)
