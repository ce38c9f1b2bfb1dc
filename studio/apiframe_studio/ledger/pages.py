"""Lists of submissions, cut to pages by the database: a ledger of any length costs the same."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, or_, select

from apiframe_studio.ledger.errors import UnknownCursor
from apiframe_studio.ledger.rows import Kind, RowPage
from apiframe_studio.ledger.schema import submissions
from apiframe_studio.ledger.table import one, read
from apiframe_studio.submission import State

_OLDER: Final = or_(
    submissions.c.created_at < bindparam("created_at"),
    and_(submissions.c.created_at == bindparam("created_at"), submissions.c.ref > bindparam("ref")),
)


def read_page(
    connection: Connection,
    service: str,
    owner: str,
    kind: Kind,
    *,
    subject_key: str | None = None,
    states: Collection[State] | None = None,
    before: str | None = None,
    limit: int,
) -> RowPage:
    """At most `limit` submissions of one kind that are older than the one called `before`.

    Raises:
        UnknownCursor: `before` is none of this list.
    """
    wanted: dict[str, Any] = {"service": service, "owner": owner, "kind": kind.value}
    if subject_key is not None:
        wanted["subject_key"] = subject_key
    if states is not None:
        wanted["states"] = sorted(state.value for state in states)
    shape = (subject_key is not None, states is not None)
    total = connection.execute(_counting(*shape), wanted).scalar_one()
    if before is not None:
        cursor = one(connection, before)
        if cursor is None or (cursor.service, cursor.owner, cursor.kind) != (service, owner, kind):
            raise UnknownCursor
        wanted |= {"created_at": cursor.created_at, "ref": cursor.ref}
    # One more than wanted tells whether more follow.
    rows = read(connection, _paging(*shape, before is not None), {**wanted, "limit": limit + 1})
    return RowPage(rows[:limit], total, more=len(rows) > limit)


@lru_cache
def _counting(by_subject: bool, by_state: bool) -> Select[Any]:
    return select(func.count()).select_from(submissions).where(*_filters(by_subject, by_state))


@lru_cache
def _paging(by_subject: bool, by_state: bool, on: bool) -> Select[Any]:
    filters = [*_filters(by_subject, by_state), *([_OLDER] if on else [])]
    newest_first = (submissions.c.created_at.desc(), submissions.c.ref)
    return select(submissions).where(*filters).order_by(*newest_first).limit(bindparam("limit"))


def _filters(by_subject: bool, by_state: bool) -> list[ColumnElement[bool]]:
    filters = [submissions.c[name] == bindparam(name) for name in ("service", "owner", "kind")]
    if by_subject:
        filters.append(submissions.c.subject_key == bindparam("subject_key"))
    if by_state:
        filters.append(submissions.c.state.in_(bindparam("states", expanding=True)))
    return filters
