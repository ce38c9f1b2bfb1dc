"""Photo sets: the photos and attributes of a subject that uploads and trainings are made of.

A set belongs to its owner, whatever the service. When a set expires at a service is a fact of its upload there.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from apiframe_studio.ledger.records import Submission
from apiframe_studio.ledger.schema import photo_sets, submissions
from apiframe_studio.ledger.states import OPEN

REF_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
FROM_SET: Final = ("fingerprint", "attributes_digest", "photo_count", "consent_at")
"""What a submission has from its set."""
_SAME: Final = select(photo_sets.c.ref).where(
    photo_sets.c.owner == bindparam("owner"),
    photo_sets.c.fingerprint == bindparam("fingerprint"),
    photo_sets.c.attributes_digest == bindparam("attributes_digest"),
    photo_sets.c.forgotten_at.is_(None),
)
ONE_SET: Final = select(*(photo_sets.c[name] for name in ("ref", *FROM_SET))).where(
    photo_sets.c.owner == bindparam("owner"),
    photo_sets.c.ref == bindparam("ref"),
    photo_sets.c.forgotten_at.is_(None),
)
# Of every owner: their photos are kept in one folder, and no more than the refs is read.
SETS_IN_USE: Final = select(submissions.c.set_ref).where(
    submissions.c.set_ref.in_(select(func.json_each(bindparam("listed")).table_valued("value").c.value)),
    submissions.c.state.in_([state.value for state in OPEN]),
)
_ADD_CONSENT: Final = (
    update(photo_sets)
    .where(photo_sets.c.ref == bindparam("set_ref"), photo_sets.c.owner == bindparam("of_owner"))
    .where(photo_sets.c.consent_at.is_(None))
    .values(consent_at=bindparam("consented"))
)
_SET_MARK: Final = (
    update(photo_sets)
    .where(photo_sets.c.ref == bindparam("set_ref"), photo_sets.c.owner == bindparam("of_owner"))
    .where(photo_sets.c.forgotten_at.is_not(None))
    .values(fingerprint=bindparam("mark"))
)
_DROP_UNUSED: Final = (
    delete(photo_sets)
    .where(photo_sets.c.ref == bindparam("set_ref"), photo_sets.c.owner == bindparam("of_owner"))
    .where(
        ~select(submissions.c.ref)
        .where(submissions.c.owner == photo_sets.c.owner, submissions.c.set_ref == photo_sets.c.ref)
        .exists()
    )
)


def new_ref(prefix: str) -> str:
    """Return a new name of a row: "up-", "tr-" and the like, and seven letters."""
    return f"{prefix}-{''.join(secrets.choice(REF_LETTERS) for _ in range(7))}"


def get_or_create_set(connection: Connection, owner: str, facts: Mapping[str, Any], now: float) -> str:
    """Return the ref of the set with this fingerprint and digest of the attributes, recorded if there is none.

    The time of consent stays that of the first upload.
    """
    values = {"ref": new_ref("ps"), "owner": owner, "created_at": now}
    values |= {name: facts.get(name) for name in FROM_SET}
    # Not an upsert with RETURNING: systems that are still supported have a SQLite without it (before 3.35).
    known = connection.execute(_SAME, values).scalar()
    if known is None:
        connection.execute(insert(photo_sets).values(**values))
        return str(values["ref"])
    consent = {"set_ref": known, "of_owner": owner, "consented": values["consent_at"]}
    connection.execute(_ADD_CONSENT, consent)
    return str(known)


def add_forgotten_sets(connection: Connection, rows: Iterable[Submission]) -> Sequence[Submission]:
    """Give each of these forgotten submissions a separate set, without personal data.

    Its fingerprint is the mark by which the photos of an open request are recognised: salted with the ref of the
    submission, it cannot be shared.
    """
    own = [replace(row, set_ref=new_ref("ps")) for row in rows]
    values = [
        {
            "ref": row.set_ref,
            "owner": row.owner,
            "fingerprint": row.fingerprint,
            "photo_count": row.photo_count,
            "created_at": row.created_at,
            "forgotten_at": row.forgotten_at,
        }
        for row in own
    ]
    if values:
        connection.execute(insert(photo_sets), values)
    return own


def write_mark(connection: Connection, row: Submission) -> None:
    """Write the mark of a forgotten submission, or remove it, in its separate set."""
    connection.execute(_SET_MARK, {"set_ref": row.set_ref, "of_owner": row.owner, "mark": row.fingerprint})


def drop_unused_sets(connection: Connection, owner: str, refs: Iterable[str]) -> None:
    """Remove those of these sets that no submission is made of any more."""
    listed = [{"set_ref": ref, "of_owner": owner} for ref in refs]
    if listed:
        connection.execute(_DROP_UNUSED, listed)
