"""Lists of submissions, paged by the database: their time does not depend on the size of the ledger.

Each statement asks for one state, so that SQLite reads an index in the requested order and stops at the end of the
page; for several states at once it would read and sort every row that has one of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, literal_column, or_, select

from apiframe_studio.ledger.errors import UnknownCursor
from apiframe_studio.ledger.queries import OF_OWNER, ROWS, by_age, one, read
from apiframe_studio.ledger.records import Kind, RowPage, Submission
from apiframe_studio.ledger.schema import submissions
from apiframe_studio.ledger.states import OPEN, UNDER_WAY, State
from apiframe_studio.subjects import visible_name

# The first part is redundant, but allows SQLite to use an index.
_OLDER: Final = and_(
    submissions.c.created_at <= bindparam("created_at"),
    or_(submissions.c.created_at < bindparam("created_at"), submissions.c.ref > bindparam("ref")),
)
_MISSING: Final = submissions.c.missing_since.is_not(None)
# The row of a crashed sender may be read before it is marked unconfirmed.
_URGENCY: Final = {State.UNCONFIRMED: 0, State.SENDING: 0, State.INTENT: 2}
_LAST: Final = "\U0010ffff"
_NEXT_NAME: Final = (
    select(submissions.c.subject, submissions.c.subject_key)
    .where(OF_OWNER, submissions.c.subject_key >= bindparam("start"))
    .where(submissions.c.subject_key > bindparam("after"), submissions.c.subject_key < bindparam("end"))
    .where(submissions.c.kind == bindparam("kind"))
    .order_by(submissions.c.subject_key)
    .limit(1)
)


def read_page(
    connection: Connection,
    owner: str,
    kind: Kind,
    *,
    service: str | None = None,
    subject_key: str | None = None,
    states: Collection[State] | None = None,
    before: str | None = None,
    limit: int,
) -> RowPage:
    """At most `limit` submissions of one kind, at one service or at any, that are older than the one called `before`.

    Raises:
        UnknownCursor: `before` is not in this list.
    """
    narrowed = {"service": service, "subject_key": subject_key}
    wanted: dict[str, Any] = {name: value for name, value in narrowed.items() if value is not None}
    wanted |= {"owner": owner, "kind": kind.value}
    each = [wanted] if states is None else [{**wanted, "state": state.value} for state in states]
    total = sum(connection.execute(_counting(*sorted(one_of)), one_of).scalar_one() for one_of in each)
    cursor: dict[str, Any] = {} if before is None else _cursor(connection, owner, kind, before)
    # One more than requested shows whether more follow.
    found = (
        read(
            connection, _paging(*sorted(one_of), older=bool(cursor)), {**one_of, **cursor, "limit": limit + 1}
        )
        for one_of in each
    )
    rows = sorted(itertools.chain.from_iterable(found), key=by_age)
    return RowPage(rows[:limit], total, more=len(rows) > limit)


def read_unsettled(connection: Connection, owner: str, *, limit: int) -> RowPage:
    """At most `limit` submissions of any kind that are open or unconfirmed.

    Of the trainings under way only those that the service does not know: one that it knows is listed as what it is.
    Those that may have been paid come first and those that were not sent last, each newest first.
    """
    ours: dict[str, Any] = {"owner": owner}
    each: list[dict[str, Any]] = [{**ours, "state": state.value} for state in OPEN - UNDER_WAY]
    each += [{**ours, "state": state.value, "kind": kind.value} for state in UNDER_WAY for kind in Kind]
    rows: list[Submission] = []
    total = 0
    for one_of in each:
        names, missing = sorted(one_of), one_of.get("kind") == Kind.TRAINING.value
        total += connection.execute(_counting(*names, missing=missing), one_of).scalar_one()
        rows += read(connection, _paging(*names, missing=missing), {**one_of, "limit": limit})
    rows.sort(key=lambda row: (_URGENCY.get(row.state, 1), *by_age(row)))
    return RowPage(rows[:limit], total, more=total > limit)


def read_names(
    connection: Connection, owner: str, kind: Kind, beginning: str, *, limit: int
) -> Sequence[str]:
    """Return the names of subjects whose compared form has this prefix, each once, alphabetically."""
    place = {"owner": owner, "kind": kind.value}
    names: list[str] = []
    bounds = {"start": beginning, "after": "", "end": beginning + _LAST}
    # From one name to the next by the index: a subject may have a thousand rows.
    while len(names) < limit and (found := connection.execute(_NEXT_NAME, {**place, **bounds}).first()):
        names.append(visible_name(found.subject) or "")
        bounds |= {"start": found.subject_key, "after": found.subject_key}
    return names


def _cursor(connection: Connection, owner: str, kind: Kind, before: str) -> dict[str, Any]:
    cursor = one(connection, owner, before)
    if cursor is None or cursor.kind is not kind:
        raise UnknownCursor
    return {"created_at": cursor.created_at, "ref": cursor.ref}


@lru_cache
def _counting(*names: str, missing: bool = False) -> Select[Any]:
    filters = [*_filters(names), *([_MISSING] if missing else [])]
    return select(func.count()).select_from(submissions).where(*filters)


@lru_cache
def _paging(*names: str, older: bool = False, missing: bool = False) -> Select[Any]:
    filters = [*_filters(names), *([_OLDER] if older else []), *([_MISSING] if missing else [])]
    newest_first = (submissions.c.created_at.desc(), submissions.c.ref)
    return ROWS.where(*filters).order_by(*newest_first).limit(bindparam("limit"))


def _filters(names: Sequence[str]) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    for name in names:
        column: ColumnElement[Any] = submissions.c[name]
        if name == "state" and "subject_key" in names:
            # The plus keeps SQLite from the index of states: a subject has few rows, a state may have all.
            column = literal_column("+submissions.state")
        filters.append(column == bindparam(name))
    return filters
