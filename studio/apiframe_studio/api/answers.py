"""What one HTTP answer means: a JSON object, or the one error that fits. Pure, and the only such place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from apiframe_studio.api.errors import (
    ApiframeError,
    KeyRefused,
    NotFound,
    OutOfCredits,
    Refused,
    Throttled,
    Unclear,
    UnclearBecause,
)
from apiframe_studio.api.masks import Mask
from apiframe_studio.api.models import fields_of, read_message

LONGEST_RETRY_AFTER = 3600.0
SHOWN_OF_A_BODY = 2000

_REFUSALS: dict[int, type[Refused]] = {
    400: Refused,
    401: KeyRefused,
    402: OutOfCredits,
    403: KeyRefused,
    404: NotFound,
    405: Refused,
    413: Refused,
    415: Refused,
    422: Refused,
}

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
# Strict on purpose: the closing quote proves that the id is whole, the alphabet that it is an id.
_WRITTEN_TASK_ID = re.compile(r'"task_id"\s*:\s*"([A-Za-z0-9_-]{8,128})"')


@dataclass(frozen=True)
class Answer:
    """What came back: at least a status line, perhaps not all of the body."""

    status: int
    status_line: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """With lower-case names, or without regard to case."""
    body: bytes = field(default=b"", repr=False)
    broken: UnclearBecause | None = None
    """Why the body is not whole; None when it is."""


def understood(answer: Answer, mask: Mask) -> dict[str, object]:
    """Return the JSON object of a successful answer.

    Raises:
        ApiframeError: the one that `error_of` finds.
    """
    if error := error_of(answer, mask):
        raise error
    return fields_of(_json_in(answer.body))


def error_of(answer: Answer, mask: Mask) -> ApiframeError | None:
    """Return the error that an answer is, or None for a whole 2xx with a JSON object.

    A refusal is told by its status line alone, even if its body is broken off: the service has decided.
    """
    facts: dict[str, Any] = {
        "status": answer.status,
        "request_id": mask.plain(answer.headers.get("x-request-id"), 100) or None,
    }
    message = read_message(fields_of(_json_in(answer.body)), mask.plain)
    if answer.status == 429:
        return Throttled(message, retry_after=retry_after_in(answer.headers), **facts)
    if refusal := _refusal(answer.status):
        return refusal(message, **facts)
    if why := _doubt(answer):
        salvaged = salvaged_task_id(answer)
        if salvaged is not None and mask.is_found_in(salvaged):
            salvaged = None
        return Unclear(message, why=why, answer=shown(answer, mask), task_id=salvaged, **facts)
    return None


def without_task_id(answer: Answer, mask: Mask) -> Unclear:
    """Return the error for a paid request whose whole 2xx answer names no task."""
    message = read_message(fields_of(_json_in(answer.body)), mask.plain)
    request_id = mask.plain(answer.headers.get("x-request-id"), 100) or None
    why = UnclearBecause.NO_TASK_ID
    return Unclear(message, why=why, status=answer.status, request_id=request_id, answer=shown(answer, mask))


def shown(answer: Answer, mask: Mask) -> str:
    """Return the evidence that is kept of an answer: its status line and the beginning of its body."""
    text = answer.body.decode("utf-8", errors="replace")
    body = mask.plain(text, SHOWN_OF_A_BODY, cut=answer.broken is not None)
    return f"{mask.plain(answer.status_line, 100)}\n{body}".rstrip()


def salvaged_task_id(answer: Answer) -> str | None:
    """Return the one id that a 2xx answer names although it is no whole JSON, or None if in any doubt."""
    text = answer.body.decode("utf-8", errors="replace").removeprefix("\ufeff").lstrip()
    if not 200 <= answer.status < 300 or not text.startswith("{"):
        return None
    named = {found.group(1) for found in _WRITTEN_TASK_ID.finditer(text)}
    return named.pop() if len(named) == 1 else None


def retry_after_in(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header, between 0 and an hour; None when absent or junk.

    A date is measured against the answer's own Date header, so that a wrong clock here does no harm.
    """
    written = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(written):
        seconds = float(written)
    elif written.isdecimal():
        seconds = LONGEST_RETRY_AFTER
    elif at := _date_in(written):
        seconds = (at - (date_in(headers) or now or datetime.now(UTC))).total_seconds()
    else:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def date_in(headers: Mapping[str, str]) -> datetime | None:
    """Return when the service says it answered, aware; None when it does not say, or says junk."""
    return _date_in(headers.get("date", ""))


def _refusal(status: int) -> type[Refused] | None:
    return Refused if 300 <= status < 400 else _REFUSALS.get(status)


def _doubt(answer: Answer) -> UnclearBecause | None:
    if answer.status >= 500:
        return UnclearBecause.SERVER_ERROR
    if not 200 <= answer.status < 300:
        return UnclearBecause.ODD_STATUS
    if answer.broken is not None:
        return answer.broken
    return None if isinstance(_json_in(answer.body), dict) else UnclearBecause.NOT_JSON


def _json_in(body: bytes) -> object:
    try:
        return json.loads(body.decode("utf-8-sig"))
    # A number of 5,000 digits is a ValueError, 100,000 nested lists are a RecursionError.
    except (ValueError, RecursionError):
        return None


def _date_in(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text) if len(text) < 100 else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date is not None and date.tzinfo is None else date
