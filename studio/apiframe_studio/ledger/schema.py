"""The ledger's present tables; `migrations` creates them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, MetaData, String, Table, text
from sqlalchemy.types import TypeEngine

metadata: Final = MetaData()


def _columns(kind: TypeEngine[Any] | type[TypeEngine[Any]], *names: str, **options: Any) -> list[Column[Any]]:
    return [Column(name, kind, **options) for name in names]


submissions: Final = Table(
    "submissions",
    metadata,
    Column("ref", String, primary_key=True),
    *_columns(String, "kind", "service", "owner", "state", nullable=False),
    *_columns(Integer, "attempt", nullable=False),
    *_columns(Float, "created_at", nullable=False),
    *_columns(String, "dedup_key", "parent_task_id", "set_ref", "requested_trigger_word", "idempotency_key"),
    *_columns(String, "subject", "subject_key", "task_id", "trigger_word", "message", "prompt"),
    *_columns(Float, "sent_at", "accepted_at", "started_at", "finished_at", "checked_at", "lease_until"),
    *_columns(Float, "expires_at", "forgotten_at", "missing_since", "delete_since", "reported_at"),
    *_columns(Float, "percentage", "estimated_credits", "max_credits"),
    *_columns(Integer, "image_count"),
    *_columns(JSON(none_as_null=True), "provider_facts", "parameters"),
    Index("submissions_dedup", "owner", "service", "kind", "dedup_key"),
    Index("submissions_parent", "owner", "parent_task_id"),
    Index("submissions_task", "owner", "task_id"),
    Index("submissions_newest", "owner", "kind", "created_at"),
    Index("submissions_sets", "owner", "set_ref", "service", "kind"),
    Index("submissions_subject", "owner", "subject_key", "kind", "created_at"),
    Index("submissions_state", "owner", "state", "kind", "created_at", "service"),
    Index("submissions_forgotten", "owner", "kind", "ref", sqlite_where=text("forgotten_at IS NOT NULL")),
)

photo_sets: Final = Table(
    "photo_sets",
    metadata,
    Column("ref", String, primary_key=True),
    *_columns(String, "owner", nullable=False),
    *_columns(Float, "created_at", nullable=False),
    *_columns(String, "fingerprint", "attributes_digest"),
    *_columns(Integer, "photo_count"),
    *_columns(Float, "consent_at", "forgotten_at"),
    Index(
        "photo_sets_same",
        "owner",
        "fingerprint",
        "attributes_digest",
        unique=True,
        sqlite_where=text("forgotten_at IS NULL"),
    ),
)
"""What uploads and trainings are made of: a set that was forgotten, with a mark for its fingerprint, is of one only."""

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    *_columns(String, "service", "owner", "kind", "key", primary_key=True),
    *_columns(String, "asked", "ref", nullable=False),
    Index("idempotency_keys_ref", "owner", "ref"),
)
"""Every key that returned a submission: digests of the key and of its request."""

attempts: Final = Table(
    "attempts",
    metadata,
    Column("ref", String, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    *_columns(String, "service", "owner", nullable=False),
    *_columns(Float, "sent_at", "credits", nullable=False),
    *_columns(Boolean, "counts", nullable=False),
    Index("attempts_sent", "owner", "service", "sent_at"),
)
"""One row for each sending, with the most that it can have cost; `counts` is false once it provably cost nothing."""

status_rounds: Final = Table(
    "status_rounds",
    metadata,
    *_columns(String, "service", "owner", primary_key=True),
    *_columns(Float, "at", nullable=False),
)
"""When the trainings of an owner were last checked without a call that asked for it."""

observations: Final = Table(
    "observations",
    metadata,
    Column("id", Integer, primary_key=True),
    *_columns(String, "ref", "state", nullable=False),
    *_columns(Float, "at", nullable=False),
    *_columns(String, "message", "trigger_word"),
    *_columns(Float, "percentage", "expires_at"),
    Index("observations_ref", "ref", "at"),
)

images: Final = Table(
    "pictures",
    metadata,
    Column("ref", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    *_columns(String, "path", "media_type", nullable=False),
    *_columns(Float, "saved_at", nullable=False),
)

installation: Final = Table("installation", metadata, Column("id", String, primary_key=True))
"""One row: four random letters and digits that tell this ledger from others whose keys belong to the same team."""
