"""How one HTTP response is classified."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.api.errors import ApiframeError, OutcomeUnknown, OutcomeUnknownReason, RateLimited
from apiframe_studio.api.http.redaction import Redactor
from apiframe_studio.api.http.responses import (
    RawResponse,
    error_from_response,
    parse_or_raise,
    read_retry_after,
    salvage_task_id,
)
from apiframe_studio.api.v1.wire import RESPONSE_FORMAT, read_task

OPEN = Redactor()
NOW = datetime(2025, 2, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "Fri, 21 Feb 2025 00:00:09 GMT"}, 9.0),
        ({"retry-after": "Fri, 21 Feb 2025 00:00:09"}, 9.0),
        ({"retry-after": "Thu, 20 Feb 2025 00:00:00 GMT"}, 0.0),
        ({"retry-after": "Tue, 01 Jan 2030 00:00:09 GMT", "date": "Tue, 01 Jan 2030 00:00:00 GMT"}, 9.0),
        ({"retry-after": "Tue, 01 Jan 2030 00:00:09 GMT", "date": "junk"}, 3600.0),
        ({"retry-after": "86400"}, 3600.0),
        ({"retry-after": "9" * 400}, 3600.0),
        *[
            ({"retry-after": junk}, None)
            for junk in ("", "soon", "-5", "1e3", "nan", "inf", "1, 2", "Fri, 99 Feb 2025")
        ],
        ({}, None),
    ],
)
def test_the_wait_of_a_429_is_between_0_and_an_hour_or_unknown(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert read_retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("body", "task_id"),
    [
        ('{"task_id":"train-0123456789"', "train-0123456789"),
        ('\ufeff\n{ "task_id" : "train-0123456789", "mess', "train-0123456789"),
        ('{"task_id":"train-01234567', None),
        ('{"task_id":"short"', None),
        ('{"task_id":"two words here"', None),
        ('{"task_id":"first-012345","task_id":"other-012345"', None),
        ('{"message":"\\"task_id\\":\\"train-0123456789\\""', None),
        ('<html>"task_id":"train-0123456789"', None),
        ("", None),
    ],
)
def test_an_id_is_salvaged_only_without_guessing(body: str, task_id: str | None) -> None:
    response = RawResponse(200, body=body.encode(), incomplete=OutcomeUnknownReason.CUT_OFF)
    assert salvage_task_id(response, RESPONSE_FORMAT) == task_id


@pytest.mark.parametrize("status", [500, 502, 408])
def test_no_id_is_salvaged_from_a_response_that_is_not_a_success(status: int) -> None:
    error = error_from_response(
        RawResponse(status, body=b'{"task_id":"train-0123456789"'), OPEN, RESPONSE_FORMAT
    )
    assert isinstance(error, OutcomeUnknown)
    assert error.task_id is None


HOSTILE = {
    "nan": b'{"percentage":NaN}',
    "too large a float": b'{"percentage":1e999}',
    "too many digits": b'{"percentage":' + b"9" * 10_000 + b"}",
    "deep lists": b'{"a":' + b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "a byte order mark": b'\xef\xbb\xbf{"percentage":"40"}',
    "double keys": b'{"percentage":"1","percentage":"40"}',
    "half a character": b'{"message":"\\ud800"}',
    "no UTF-8": b'{"message":"\xff\xfe"}',
    "UTF-16": '{"percentage":"40"}'.encode("utf-16"),
    "a list": b'[{"task_id":"a"}]',
    "a string": b'"finished"',
    "a megabyte": b'{"message":"' + b"m" * 2**20 + b'"}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_json_is_either_read_or_unclear(name: str) -> None:
    answer = RawResponse(200, "HTTP/1.1 200 OK", body=HOSTILE[name])
    error = error_from_response(answer, OPEN, RESPONSE_FORMAT)
    if error is None:
        assert read_task(parse_or_raise(answer, OPEN, RESPONSE_FORMAT), OPEN).percentage in (40.0, None)
    else:
        assert isinstance(error, OutcomeUnknown)
        assert error.reason is OutcomeUnknownReason.NOT_JSON


def test_a_truncated_rejection_is_still_a_rejection() -> None:
    response = RawResponse(429, body=b'{"mess', incomplete=OutcomeUnknownReason.CUT_OFF)
    error = error_from_response(response, OPEN, RESPONSE_FORMAT)
    assert isinstance(error, RateLimited)


@given(
    st.integers(100, 999),
    st.binary(max_size=200)
    | st.builds(lambda data: json.dumps(data).encode(), st.dictionaries(st.text(), st.text())),
    st.sampled_from([None, *OutcomeUnknownReason]),
    st.dictionaries(st.sampled_from(["retry-after", "date", "x-request-id"]), st.text(max_size=30)),
)
def test_any_response_becomes_an_object_or_exactly_one_of_our_errors(
    status: int, body: bytes, broken: OutcomeUnknownReason | None, headers: dict[str, str]
) -> None:
    answer = RawResponse(status, f"HTTP/1.1 {status}", headers, body, broken)
    error = error_from_response(answer, OPEN, RESPONSE_FORMAT)
    assert error is None or isinstance(error, ApiframeError)
    if error is None:
        assert 200 <= status < 300
        assert broken is None
