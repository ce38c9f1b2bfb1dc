"""The steps that bring a ledger to the tables of `schema`, each as it was released.

Steps are numbered by `PRAGMA user_version` and each runs in one transaction, so that a kill in the middle leaves the
step either done or not begun. A step is never edited after a release: add one. So the statements are written out here,
and use nothing that may change later except pure functions of text.
"""

from __future__ import annotations

import sqlite3
from typing import Final, cast

from sqlalchemy import Connection

from apiframe_studio.ledger.digests import digest
from apiframe_studio.subjects import subject_key

_FIRST_TABLES: Final = (
    """
    CREATE TABLE submissions (
        ref VARCHAR NOT NULL, kind VARCHAR NOT NULL, service VARCHAR NOT NULL, owner VARCHAR NOT NULL,
        about VARCHAR NOT NULL, wording VARCHAR, subject VARCHAR, idempotency_key VARCHAR,
        state VARCHAR NOT NULL, attempt INTEGER NOT NULL, lease_until FLOAT, task_id VARCHAR,
        trigger_word VARCHAR, percentage FLOAT, message VARCHAR, answer VARCHAR, credits FLOAT,
        created_at FLOAT NOT NULL, sent_at FLOAT, accepted_at FLOAT, started_at FLOAT, finished_at FLOAT,
        checked_at FLOAT, photos INTEGER, expires_at FLOAT, consent_at FLOAT, prompt VARCHAR,
        PRIMARY KEY (ref)
    )
    """,
    """
    CREATE TABLE observations (
        id INTEGER NOT NULL, ref VARCHAR NOT NULL, at FLOAT NOT NULL, state VARCHAR NOT NULL,
        percentage FLOAT, message VARCHAR, trigger_word VARCHAR, expires_at FLOAT,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE pictures (
        ref VARCHAR NOT NULL, number INTEGER NOT NULL, path VARCHAR NOT NULL, media_type VARCHAR NOT NULL,
        saved_at FLOAT NOT NULL,
        PRIMARY KEY (ref, number)
    )
    """,
    "CREATE INDEX submissions_newest ON submissions (service, owner, kind, created_at)",
    "CREATE INDEX submissions_task ON submissions (service, owner, task_id)",
    "CREATE INDEX submissions_about ON submissions (service, owner, kind, about)",
    "CREATE INDEX submissions_key ON submissions (service, owner, kind, idempotency_key)",
    "CREATE INDEX observations_ref ON observations (ref, at)",
)

_PHOTOS_NAMES_KEYS_AND_ATTEMPTS: Final = (
    "ALTER TABLE submissions ADD COLUMN fingerprint VARCHAR",
    "ALTER TABLE submissions ADD COLUMN subject_key VARCHAR",
    "ALTER TABLE submissions ADD COLUMN forgotten_at FLOAT",
    "ALTER TABLE submissions ADD COLUMN missing_since FLOAT",
    """
    CREATE TABLE idempotency_keys (
        service VARCHAR NOT NULL, owner VARCHAR NOT NULL, kind VARCHAR NOT NULL, "key" VARCHAR NOT NULL,
        asked VARCHAR NOT NULL, ref VARCHAR NOT NULL,
        PRIMARY KEY (service, owner, kind, "key")
    )
    """,
    """
    CREATE TABLE attempts (
        ref VARCHAR NOT NULL, attempt INTEGER NOT NULL, service VARCHAR NOT NULL, owner VARCHAR NOT NULL,
        sent_at FLOAT NOT NULL, credits FLOAT NOT NULL, counts BOOLEAN NOT NULL,
        PRIMARY KEY (ref, attempt)
    )
    """,
    # 0.1.0 marked a forgotten row only in `about`, without a time.
    """
    UPDATE submissions SET forgotten_at = coalesce(finished_at, sent_at, created_at)
    WHERE about = 'forgotten ' || ref
    """,
    "UPDATE submissions SET subject_key = subject_key(subject) WHERE subject IS NOT NULL",
    "UPDATE submissions SET fingerprint = about WHERE kind = 'upload' AND forgotten_at IS NULL",
    """
    UPDATE submissions AS training SET fingerprint = (
        SELECT upload.fingerprint FROM submissions AS upload
        WHERE upload.service = training.service AND upload.owner = training.owner
        AND upload.kind = 'upload' AND upload.task_id = training.about
        ORDER BY upload.created_at DESC LIMIT 1
    ) WHERE kind = 'training' AND forgotten_at IS NULL
    """,
    """
    UPDATE submissions AS training SET fingerprint = (
        SELECT upload.fingerprint FROM submissions AS upload
        WHERE upload.ref = training.about AND upload.kind = 'upload'
        AND upload.service = training.service AND upload.owner = training.owner
    ) WHERE kind = 'training' AND fingerprint IS NULL AND forgotten_at IS NULL
    """,
    """
    INSERT OR REPLACE INTO idempotency_keys
    SELECT service, owner, kind, digest(idempotency_key), digest(about, wording), ref
    FROM submissions WHERE idempotency_key IS NOT NULL ORDER BY created_at
    """,
    # What 0.1.0 counted for the daily cap, so that credits spent before an upgrade still count.
    """
    INSERT INTO attempts
    SELECT ref, attempt, service, owner, sent_at,
        coalesce(credits, CASE kind WHEN 'training' THEN 120.0 ELSE 0.0 END), 1
    FROM submissions WHERE sent_at IS NOT NULL AND state NOT IN ('intent', 'rejected')
    """,
    "CREATE INDEX submissions_photos ON submissions (service, owner, kind, fingerprint)",
    "CREATE INDEX submissions_subject ON submissions (owner, subject_key, service, kind, created_at)",
    "CREATE INDEX submissions_state ON submissions (state, service, owner, kind, created_at)",
    "CREATE INDEX idempotency_keys_ref ON idempotency_keys (ref)",
    "CREATE INDEX attempts_sent ON attempts (service, owner, sent_at)",
)

# A subject is forgotten at every service, so the indexes of its rows begin with the owner. Keys have had a separate
# table since the previous step.
_INDEXES_BY_OWNER: Final = (
    "DROP INDEX submissions_photos",
    "DROP INDEX submissions_key",
    "CREATE INDEX submissions_prints ON submissions (owner, fingerprint, service, kind)",
    "CREATE INDEX submissions_forgotten ON submissions (owner, kind) WHERE forgotten_at IS NOT NULL",
)

# Columns whose sense depended on the kind of a row are split, photo sets get a separate table, and lists and
# look-ups are of an owner's rows at every service.
_ONE_MEANING_A_COLUMN: Final = (
    """
    CREATE TABLE photo_sets (
        ref VARCHAR NOT NULL, owner VARCHAR NOT NULL, fingerprint VARCHAR, attributes_digest VARCHAR,
        photo_count INTEGER, consent_at FLOAT, created_at FLOAT NOT NULL, forgotten_at FLOAT,
        PRIMARY KEY (ref)
    )
    """,
    """
    CREATE UNIQUE INDEX photo_sets_same ON photo_sets (owner, fingerprint, attributes_digest)
    WHERE forgotten_at IS NULL
    """,
    # Named by the first submission of each set, so that no two names are the same.
    """
    INSERT INTO photo_sets
    SELECT 'ps-' || min(ref), owner, fingerprint, wording, max(photos), min(consent_at), min(created_at), NULL
    FROM submissions WHERE kind = 'upload' AND forgotten_at IS NULL AND fingerprint != ''
    GROUP BY owner, fingerprint, wording
    """,
    # The upload of a training may have been forgotten, but not the training.
    """
    INSERT INTO photo_sets
    SELECT 'ps-' || min(ref), owner, fingerprint, NULL, max(photos), NULL, min(created_at), NULL
    FROM submissions AS training WHERE kind = 'training' AND forgotten_at IS NULL AND fingerprint != ''
    AND NOT EXISTS (
        SELECT 1 FROM photo_sets WHERE photo_sets.owner = training.owner
        AND photo_sets.fingerprint = training.fingerprint AND photo_sets.forgotten_at IS NULL
    ) GROUP BY owner, fingerprint
    """,
    # What is kept of a forgotten one, and of a set whose photos were never seen, belongs to one submission only.
    """
    INSERT INTO photo_sets
    SELECT 'ps-' || ref, owner, nullif(fingerprint, ''), NULL, photos, NULL, created_at, forgotten_at
    FROM submissions WHERE kind != 'generation' AND (fingerprint != '' OR photos IS NOT NULL)
    AND (forgotten_at IS NOT NULL OR coalesce(fingerprint, '') = '')
    """,
    """
    CREATE TABLE submissions_by_meaning (
        ref VARCHAR NOT NULL, kind VARCHAR NOT NULL, service VARCHAR NOT NULL, owner VARCHAR NOT NULL,
        dedup_key VARCHAR, parent_task_id VARCHAR, requested_trigger_word VARCHAR, subject VARCHAR,
        idempotency_key VARCHAR, state VARCHAR NOT NULL, attempt INTEGER NOT NULL,
        lease_until FLOAT, task_id VARCHAR, trigger_word VARCHAR, percentage FLOAT, message VARCHAR,
        estimated_credits FLOAT, created_at FLOAT NOT NULL, sent_at FLOAT, accepted_at FLOAT, started_at FLOAT,
        finished_at FLOAT, checked_at FLOAT, image_count INTEGER, expires_at FLOAT, prompt VARCHAR,
        set_ref VARCHAR, subject_key VARCHAR, forgotten_at FLOAT, missing_since FLOAT, provider_facts JSON,
        PRIMARY KEY (ref)
    )
    """,
    # `about` held the set of a training, the photos of an upload, and the training of a generation with a digest
    # after a space; of a forgotten row only a mark.
    """
    INSERT INTO submissions_by_meaning
    SELECT ref, kind, service, owner,
        CASE WHEN kind != 'upload' AND about NOT IN ('', 'forgotten ' || ref) THEN about END,
        CASE WHEN forgotten_at IS NOT NULL OR about = '' OR kind = 'upload' THEN NULL
            WHEN kind = 'training' OR instr(about, ' ') = 0 THEN about
            ELSE substr(about, 1, instr(about, ' ') - 1) END,
        CASE kind WHEN 'training' THEN wording END,
        subject, idempotency_key, state, attempt,
        lease_until, task_id, trigger_word, percentage, message,
        credits, created_at, sent_at, accepted_at, started_at,
        finished_at, checked_at,
        CASE kind WHEN 'generation' THEN photos END,
        expires_at, prompt,
        CASE kind WHEN 'upload' THEN coalesce(
            (
                SELECT photo_sets.ref FROM photo_sets
                WHERE photo_sets.owner = submission.owner AND photo_sets.fingerprint = submission.fingerprint
                AND photo_sets.attributes_digest IS submission.wording AND photo_sets.forgotten_at IS NULL
            ),
            (SELECT photo_sets.ref FROM photo_sets WHERE photo_sets.ref = 'ps-' || submission.ref)
        ) WHEN 'training' THEN coalesce(
            (
                SELECT photo_sets.ref FROM submissions AS upload JOIN photo_sets
                ON photo_sets.owner = upload.owner AND photo_sets.fingerprint = upload.fingerprint
                AND photo_sets.attributes_digest IS upload.wording AND photo_sets.forgotten_at IS NULL
                WHERE upload.owner = submission.owner AND upload.fingerprint = submission.fingerprint
                AND upload.service = submission.service AND upload.kind = 'upload'
                AND submission.about IN (upload.task_id, upload.ref)
                ORDER BY upload.created_at DESC LIMIT 1
            ),
            (
                SELECT photo_sets.ref FROM photo_sets
                WHERE photo_sets.owner = submission.owner AND photo_sets.fingerprint = submission.fingerprint
                AND photo_sets.forgotten_at IS NULL ORDER BY photo_sets.created_at LIMIT 1
            ),
            (SELECT photo_sets.ref FROM photo_sets WHERE photo_sets.ref = 'ps-' || submission.ref)
        ) END,
        subject_key, forgotten_at, missing_since,
        CASE WHEN answer IS NOT NULL THEN json_object('raw_response', answer) END
    FROM submissions AS submission
    """,
    "DROP TABLE submissions",
    "ALTER TABLE submissions_by_meaning RENAME TO submissions",
    "DROP INDEX idempotency_keys_ref",
    "DROP INDEX attempts_sent",
    "CREATE INDEX submissions_dedup ON submissions (owner, service, kind, dedup_key)",
    "CREATE INDEX submissions_parent ON submissions (owner, parent_task_id)",
    "CREATE INDEX submissions_task ON submissions (owner, task_id)",
    "CREATE INDEX submissions_newest ON submissions (owner, kind, created_at)",
    "CREATE INDEX submissions_sets ON submissions (owner, set_ref, service, kind)",
    "CREATE INDEX submissions_subject ON submissions (owner, subject_key, kind, created_at)",
    "CREATE INDEX submissions_state ON submissions (owner, state, kind, created_at, service)",
    # Contains the refs, so that SQLite prefers it to the index of lists.
    "CREATE INDEX submissions_forgotten ON submissions (owner, kind, ref) WHERE forgotten_at IS NOT NULL",
    "CREATE INDEX idempotency_keys_ref ON idempotency_keys (owner, ref)",
    "CREATE INDEX attempts_sent ON attempts (owner, service, sent_at)",
)

# What the user agreed to pay, what images were asked for, and what is still to be deleted at the service.
_LIMITS_PARAMETERS_AND_DELETIONS: Final = (
    "ALTER TABLE submissions ADD COLUMN max_credits FLOAT",
    "ALTER TABLE submissions ADD COLUMN parameters JSON",
    "ALTER TABLE submissions ADD COLUMN delete_since FLOAT",
    "CREATE TABLE installation (id VARCHAR NOT NULL, PRIMARY KEY (id))",
    "INSERT INTO installation VALUES (lower(hex(randomblob(2))))",
)

# Which ends were reported. What ended before was reported by the calls that found it.
_REPORTS_AND_ROUNDS: Final = (
    "ALTER TABLE submissions ADD COLUMN reported_at FLOAT",
    """
    UPDATE submissions SET reported_at = coalesce(finished_at, created_at)
    WHERE kind = 'training' AND state IN ('finished', 'failed')
    """,
    """
    CREATE TABLE status_rounds (
        service VARCHAR NOT NULL, owner VARCHAR NOT NULL, at FLOAT NOT NULL,
        PRIMARY KEY (service, owner)
    )
    """,
)

STEPS: Final = (
    _FIRST_TABLES,
    _PHOTOS_NAMES_KEYS_AND_ATTEMPTS,
    _INDEXES_BY_OWNER,
    _ONE_MEANING_A_COLUMN,
    _LIMITS_PARAMETERS_AND_DELETIONS,
    _REPORTS_AND_ROUNDS,
)
VERSION: Final = len(STEPS)


def take(connection: Connection, number: int) -> None:
    """Take one step, in the transaction that the caller has begun."""
    raw = cast(sqlite3.Connection, connection.connection.driver_connection)
    for function in (subject_key, digest):
        raw.create_function(function.__name__, -1, function, deterministic=True)
    for statement in STEPS[number]:
        connection.exec_driver_sql(statement)
