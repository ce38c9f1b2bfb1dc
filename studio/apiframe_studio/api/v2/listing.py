"""Reading the pages of a list, newest first, without trusting that it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final, Generic, TypeAlias, TypeVar

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.http.json_values import array_or_empty
from apiframe_studio.api.v2.wire import Row

MAX_PAGES: Final = 10


R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Page(Generic[R]):
    """One page of a list. `is_whole` is False when a row, or where the list goes on, could not be read."""

    rows: Sequence[R]
    next_cursor: str | None
    is_whole: bool


FetchPage: TypeAlias = Callable[[str | None], Awaitable[Page[R]]]
"""Returns the page at a cursor, or the first. Raises ApiframeError."""


def read_page(response: Mapping[str, object], name: str, of: type[R]) -> Page[R]:
    """Read one page, whose rows are in the field `name`."""
    rows = [of.read(row) for row in array_or_empty(response.get(name))]
    cursor = response.get("nextCursor")
    is_whole = (
        isinstance(response.get(name), list)
        and all(row.is_readable for row in rows)
        and "nextCursor" in response
        and (cursor is None or isinstance(cursor, str))
    )
    return Page(rows, cursor if isinstance(cursor, str) and cursor else None, is_whole)


async def read_pages(fetch: FetchPage[R], since: datetime) -> Page[R]:
    """Read a list back to `since`, as one page that is whole if every page came and the list goes back so far.

    Raises:
        ApiframeError: the first page could not be fetched.
    """
    rows: list[R] = []
    cursors: list[str | None] = [None]
    while len(cursors) <= MAX_PAGES:
        try:
            page = await fetch(cursors[-1])
        except ApiframeError:
            if cursors == [None]:
                raise
            break
        rows += page.rows
        if not page.is_whole:
            break
        if page.next_cursor is None or _goes_back_to(since, rows):
            return Page(_unique(rows), None, is_whole=True)
        if page.next_cursor in cursors:
            break
        cursors.append(page.next_cursor)
    return Page(_unique(rows), None, is_whole=False)


def _goes_back_to(since: datetime, rows: Sequence[Row]) -> bool:
    """Whether the last row is older than `since`. A list that is not sorted proves nothing by its last row."""
    times = [row.created_at for row in rows if row.created_at is not None]
    is_sorted = all(newer >= older for newer, older in pairwise(times))
    return len(times) == len(rows) > 0 and is_sorted and times[-1] < since


def _unique(rows: Sequence[R]) -> list[R]:
    return list({row.id or str(number): row for number, row in enumerate(rows)}.values())
