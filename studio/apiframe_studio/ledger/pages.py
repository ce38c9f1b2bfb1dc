"""Lists of submissions, paged by the database: their time does not depend on the size of the ledger.

Each statement asks for one state, so that SQLite reads an index in the requested order and stops at the end of the
page; for several states at once it would read and sort every row that has one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal_column, or_, select

from apiframe_studio.ledger.errors import UnknownCursor
from apiframe_studio.ledger.queries import NEWEST_FIRST, OF_OWNER, ROWS, by_age, one, read
from apiframe_studio.ledger.records import Kind, RowPage, Submission
from apiframe_studio.ledger.schema import submissions
from apiframe_studio.ledger.states import OPEN, UNDER_WAY, State
from apiframe_studio.subjects import visible_name

_CONDITIONS: Final = {
    # Redundant, but allows SQLite to use an index.
    "before_at": submissions.c.created_at <= bindparam("before_at"),
    "before_ref": or_(
        submissions.c.created_at < bindparam("before_at"), submissions.c.ref > bindparam("before_ref")
    ),
    "is_missing": submissions.c.missing_since.is_not(None),
    "is_known": submissions.c.forgotten_at.is_(None),
}
"""What the names mean that are not columns."""
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
    wanted: Mapping[str, Any],
    *,
    states: Collection[State] | None = None,
    before: str | None = None,
    limit: int,
) -> RowPage:
    """At most `limit` submissions whose columns have the `wanted` values, `owner` and `kind` among them, that are older
    than the one called `before`.

    Raises:
        UnknownCursor: `before` is not in this list.
    """
    each = [wanted] if states is None else [{**wanted, "state": state.value} for state in states]
    cursor: dict[str, Any] = {}
    if before is not None:
        row = one(connection, wanted["owner"], before)
        if row is None or row.kind.value != wanted["kind"]:
            raise UnknownCursor
        cursor = {"before_at": row.created_at, "before_ref": row.ref}
    # One more than requested shows whether more follow.
    rows, total = _read_each(connection, each, limit + 1, cursor)
    rows.sort(key=by_age)
    return RowPage(rows[:limit], total, more=len(rows) > limit)


def read_unsettled(connection: Connection, owner: str, *, limit: int) -> RowPage:
    """At most `limit` submissions of any kind that are open or unconfirmed.

    Of the trainings under way only those that the service does not know: one that it knows is listed as what it is.
    Those that may have been paid come first and those that were not sent last, each newest first.
    """
    each: list[dict[str, Any]] = [{"state": state.value} for state in OPEN - UNDER_WAY]
    unknown = {Kind.TRAINING: {"is_missing": True}}
    each += [
        {"state": state.value, "kind": kind.value, **unknown.get(kind, {})}
        for state in UNDER_WAY
        for kind in Kind
    ]
    rows, total = _read_each(connection, [{"owner": owner, **wanted} for wanted in each], limit)
    rows.sort(key=lambda row: (_URGENCY.get(row.state, 1), *by_age(row)))
    return RowPage(rows[:limit], total, more=total > limit)


def read_names(connection: Connection, owner: str, beginning: str, *, limit: int) -> Sequence[str]:
    """Return the names of subjects with a training whose compared form has this prefix, each once, alphabetically."""
    place = {"owner": owner, "kind": Kind.TRAINING.value}
    names: list[str] = []
    bounds = {"start": beginning, "after": "", "end": beginning + _LAST}
    # From one name to the next by the index: a subject may have a thousand rows.
    while len(names) < limit and (found := connection.execute(_NEXT_NAME, {**place, **bounds}).first()):
        names.append(visible_name(found.subject) or "")
        bounds |= {"start": found.subject_key, "after": found.subject_key}
    return names


def _read_each(
    connection: Connection,
    each: Iterable[Mapping[str, Any]],
    limit: int,
    cursor: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[list[Submission], int]:
    """Return the first `limit` after the cursor for each of these values, and how many there are without the cursor."""
    rows: list[Submission] = []
    total = 0
    for wanted in each:
        total += connection.execute(_counting(*wanted), wanted).scalar_one()
        rows += read(connection, _paging(*wanted, *cursor), {**wanted, **cursor, "limit": limit})
    return rows, total


@lru_cache
def _counting(*names: str) -> Select[Any]:
    return select(func.count()).select_from(submissions).where(*_filters(names))


@lru_cache
def _paging(*names: str) -> Select[Any]:
    return ROWS.where(*_filters(names)).order_by(*NEWEST_FIRST).limit(bindparam("limit"))


def _filters(names: Sequence[str]) -> Iterator[ColumnElement[bool]]:
    for name in names:
        if name in _CONDITIONS:
            yield _CONDITIONS[name]
        elif name == "state" and "subject_key" in names:
            # The plus keeps SQLite from the index of states: a subject has few rows, a state may have all.
            yield literal_column("+submissions.state") == bindparam(name)
        else:
            yield submissions.c[name] == bindparam(name)
