"""The ledger's present tables; `migrations` creates them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, MetaData, String, Table

metadata: Final = MetaData()

submissions: Final = Table(
    "submissions",
    metadata,
    Column("ref", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("service", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("dedup_key", String),
    Column("parent_task_id", String),
    Column("requested_trigger_word", String),
    Column("subject", String),
    Column("idempotency_key", String),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lease_until", Float),
    Column("task_id", String),
    Column("trigger_word", String),
    Column("percentage", Float),
    Column("message", String),
    Column("estimated_credits", Float),
    Column("created_at", Float, nullable=False),
    Column("sent_at", Float),
    Column("accepted_at", Float),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("checked_at", Float),
    Column("image_count", Integer),
    Column("expires_at", Float),
    Column("prompt", String),
    Column("set_ref", String),
    Column("subject_key", String),
    Column("forgotten_at", Float),
    Column("missing_since", Float),
    Column("provider_facts", JSON(none_as_null=True)),
    Column("max_credits", Float),
    Column("parameters", JSON(none_as_null=True)),
    Column("delete_since", Float),
    Index("submissions_dedup", "owner", "service", "kind", "dedup_key"),
    Index("submissions_parent", "owner", "parent_task_id"),
    Index("submissions_task", "owner", "task_id"),
    Index("submissions_newest", "owner", "kind", "created_at"),
    Index("submissions_sets", "owner", "set_ref", "service", "kind"),
    Index("submissions_subject", "owner", "subject_key", "kind", "created_at"),
    Index("submissions_state", "owner", "state", "kind", "created_at", "service"),
)
Index(
    "submissions_forgotten",
    submissions.c.owner,
    submissions.c.kind,
    submissions.c.ref,
    sqlite_where=submissions.c.forgotten_at.is_not(None),
)

photo_sets: Final = Table(
    "photo_sets",
    metadata,
    Column("ref", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("fingerprint", String),
    Column("attributes_digest", String),
    Column("photo_count", Integer),
    Column("consent_at", Float),
    Column("created_at", Float, nullable=False),
    Column("forgotten_at", Float),
)
"""What uploads and trainings are made of: a set that was forgotten, with a mark for its fingerprint, is of one only."""
Index(
    "photo_sets_same",
    photo_sets.c.owner,
    photo_sets.c.fingerprint,
    photo_sets.c.attributes_digest,
    unique=True,
    sqlite_where=photo_sets.c.forgotten_at.is_(None),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("service", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("asked", String, nullable=False),
    Column("ref", String, nullable=False),
    Index("idempotency_keys_ref", "owner", "ref"),
)
"""Every key that returned a submission: digests of the key and of its request."""

attempts: Final = Table(
    "attempts",
    metadata,
    Column("ref", String, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("service", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("sent_at", Float, nullable=False),
    Column("credits", Float, nullable=False),
    Column("counts", Boolean, nullable=False),
    Index("attempts_sent", "owner", "service", "sent_at"),
)
"""One row for each sending, with the most that it can have cost; `counts` is false once it provably cost nothing."""

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

images: Final = Table(
    "pictures",
    metadata,
    Column("ref", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("path", String, nullable=False),
    Column("media_type", String, nullable=False),
    Column("saved_at", Float, nullable=False),
)

installation: Final = Table("installation", metadata, Column("id", String, primary_key=True))
"""One row: four random letters and digits that tell this ledger from others whose keys belong to the same team."""
