"""Who asks, and for which page: what all endpoints share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from .answers import error, invalid
from .fields import Check, check_fields, decimal, uuid
from .team import Caller, Service

MAX_PAGE = 100


def service_of(request: Request) -> Service:
    """The service that an app emulates."""
    service: Service = request.app.state.service
    return service


def caller_of(request: Request) -> Caller:
    """The user of the key in X-API-Key. A Bearer token is for the dashboard and counts as no key."""
    service = service_of(request)
    key = request.headers.get("X-API-Key")
    if not key:
        raise error(401, "API key is required")
    caller = service.keys.get(key)
    if caller is None:
        raise error(401, "Invalid API key")
    if not caller.is_active:
        raise error(403, "API key is inactive")
    if service.busy_seconds is not None:
        seconds, service.busy_seconds = service.busy_seconds, None
        raise error(429, "Rate limit exceeded", {"Retry-After": str(seconds)})
    return caller


def path_id(request: Request) -> str:
    """The id in the path."""
    text: str = request.path_params["id"]
    if reason := uuid(text):
        raise invalid({"id": [reason]})
    return text.lower()


def query_of(request: Request, checks: Mapping[str, Check]) -> dict[str, str]:
    """The query, with a valid limit. Unknown parameters are ignored."""
    query = dict(request.query_params)
    check_fields(query, {"limit": decimal(1, MAX_PAGE), **checks}, (), closed=False)
    return query


def page_of(rows: Sequence[Any], query: Mapping[str, str], limit: int) -> tuple[list[Any], str | None]:
    """The rows after the cursor, and the cursor of the next page: the id of the last row."""
    start = 0
    if "cursor" in query:
        ids = [row.id for row in rows]
        if query["cursor"] not in ids:
            raise invalid({"cursor": ["Invalid cursor"]})
        start = ids.index(query["cursor"]) + 1
    limit = int(query.get("limit", limit))
    page = list(rows[start : start + limit])
    return page, page[-1].id if start + limit < len(rows) else None
