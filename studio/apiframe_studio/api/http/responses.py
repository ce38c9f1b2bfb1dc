"""What an HTTP response means: a JSON object, or exactly one error. Pure, and the only place that decides it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    Conflict,
    InsufficientCredits,
    NotFound,
    OutcomeUnknown,
    OutcomeUnknownReason,
    RateLimited,
    Refused,
)
from apiframe_studio.api.http.json_values import object_or_empty, parse_json
from apiframe_studio.api.http.redaction import Redactor, Sanitizer
from apiframe_studio.api.keys import V2_PREFIX

MAX_RETRY_AFTER_SECONDS: Final = 3600.0
MAX_EXCERPT_CHARACTERS: Final = 2000
_MAX_HEADER_CHARACTERS: Final = 100

_REFUSALS: Final[Mapping[int, type[Refused]]] = {
    **dict.fromkeys((*range(300, 400), 400, 405, 413, 415, 422), Refused),
    **dict.fromkeys((401, 403), AuthenticationFailed),
    402: InsufficientCredits,
    404: NotFound,
}

_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass
class RawResponse:
    """What came back: at least a status line, perhaps not all of the body."""

    status: int
    status_line: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """With lower-case names, or case-insensitive."""
    body: bytes | bytearray = field(default=b"", repr=False)
    incomplete: OutcomeUnknownReason | None = None
    """Why the body is not complete; None when it is."""


@dataclass(frozen=True)
class ResponseFormat:
    """Where one generation of the service puts what every response may hold."""

    read_message: Callable[[Mapping[str, object], Sanitizer], str]
    """Returns the service's own message in a JSON object, sanitized, or ""."""
    task_id_field: re.Pattern[str]
    """Matches one complete id in a body that was cut off. Strict: the closing quote proves that the id is complete."""
    credits_fields: tuple[str, str] | None = None
    """The fields of a 402 with the credits that are required and those that are available."""


def parse_or_raise(
    response: RawResponse, redactor: Redactor, response_format: ResponseFormat
) -> dict[str, object]:
    """Return the JSON object of a successful response.

    Raises:
        ApiframeError: as `error_from_response` finds.
    """
    if error := error_from_response(response, redactor, response_format):
        raise error
    return object_or_empty(parse_json(response.body))


def error_from_response(
    response: RawResponse, redactor: Redactor, response_format: ResponseFormat
) -> ApiframeError | None:
    """Return the error that a response means, or None for a complete 2xx with a JSON object.

    A refusal counts by its status line alone, even if its body was cut off: the service has decided.
    """
    facts = _facts(response, redactor, response_format)
    if response.status == 429:
        return RateLimited(retry_after=read_retry_after(response.headers), **facts)
    if refusal := _REFUSALS.get(response.status):
        if response.status == 400 and V2_PREFIX in facts["message"]:
            # v1 answers a key of v2 like this, on every path.
            refusal = AuthenticationFailed
        if refusal is InsufficientCredits:
            facts |= _credits(response, response_format)
        return refusal(**facts)
    if reason := _unclear_reason(response):
        task_id = redactor.keep_value(salvage_task_id(response, response_format))
        error = Conflict if response.status == 409 else OutcomeUnknown
        return error(reason=reason, excerpt=response_excerpt(response, redactor), task_id=task_id, **facts)
    return None


def missing_id_error(
    response: RawResponse, redactor: Redactor, response_format: ResponseFormat
) -> OutcomeUnknown:
    """Return the error for a paid request whose complete 2xx response names no task."""
    facts = _facts(response, redactor, response_format)
    excerpt = response_excerpt(response, redactor)
    return OutcomeUnknown(reason=OutcomeUnknownReason.NO_TASK_ID, excerpt=excerpt, **facts)


def read_request_id(response: RawResponse, redactor: Redactor) -> str | None:
    """Return the service's own name for a request, sanitized; None when it sent none."""
    return redactor.sanitize(response.headers.get("x-request-id"), _MAX_HEADER_CHARACTERS) or None


def response_excerpt(response: RawResponse, redactor: Redactor) -> str:
    """Return what is kept of a response as evidence: its status line and the beginning of its body, redacted."""
    text = response.body.decode("utf-8", errors="replace")
    body = redactor.sanitize(text, MAX_EXCERPT_CHARACTERS, cut=response.incomplete is not None)
    return f"{redactor.sanitize(response.status_line, _MAX_HEADER_CHARACTERS)}\n{body}".rstrip()


def salvage_task_id(response: RawResponse, response_format: ResponseFormat) -> str | None:
    """Return the one id in a 2xx response that is not complete JSON, or None if there is any doubt."""
    text = response.body.decode("utf-8", errors="replace").removeprefix("\ufeff").lstrip()
    if not 200 <= response.status < 300 or not text.startswith("{"):
        return None
    ids = {found.group(1) for found in response_format.task_id_field.finditer(text)}
    return ids.pop() if len(ids) == 1 else None


def read_retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header, from 0 to an hour; None when it is absent or malformed.

    A date is compared with the response's own Date header, so that a wrong clock here does no harm.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        seconds = float(value)
    elif value.isdecimal():
        seconds = MAX_RETRY_AFTER_SECONDS
    elif at := _parse_date(value):
        seconds = (at - (read_date(headers) or now or datetime.now(UTC))).total_seconds()
    else:
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def read_date(headers: Mapping[str, str]) -> datetime | None:
    """Return the time (aware) in a Date header; None when it is absent or malformed."""
    return _parse_date(headers.get("date", ""))


def _facts(response: RawResponse, redactor: Redactor, response_format: ResponseFormat) -> dict[str, Any]:
    fields = object_or_empty(parse_json(response.body))
    return {
        "message": response_format.read_message(fields, redactor.sanitize),
        "status": response.status,
        "request_id": read_request_id(response, redactor),
    }


def _credits(response: RawResponse, response_format: ResponseFormat) -> dict[str, int]:
    fields = object_or_empty(parse_json(response.body))
    names = zip(("required", "available"), response_format.credits_fields or (), strict=False)
    return {name: value for name, field in names if type(value := fields.get(field)) is int and value >= 0}


def _unclear_reason(response: RawResponse) -> OutcomeUnknownReason | None:
    if response.status >= 500:
        return OutcomeUnknownReason.SERVER_ERROR
    if not 200 <= response.status < 300:
        return OutcomeUnknownReason.ODD_STATUS
    if response.incomplete is not None:
        return response.incomplete
    return None if isinstance(parse_json(response.body), dict) else OutcomeUnknownReason.NOT_JSON


def _parse_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text) if len(text) < 100 else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date is not None and date.tzinfo is None else date
