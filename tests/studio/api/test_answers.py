"""What one HTTP answer means."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.api import ApiframeError, Throttled, Unclear, UnclearBecause
from apiframe_studio.api.answers import Answer, error_of, retry_after_in, salvaged_task_id, understood
from apiframe_studio.api.masks import Mask
from apiframe_studio.api.models import read_task

OPEN = Mask()
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
    assert retry_after_in(headers, NOW) == seconds


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
def test_an_id_is_salvaged_only_where_nothing_is_guessed(body: str, task_id: str | None) -> None:
    assert salvaged_task_id(Answer(200, body=body.encode(), broken=UnclearBecause.CUT_OFF)) == task_id


@pytest.mark.parametrize("status", [500, 502, 408])
def test_no_id_is_salvaged_from_an_answer_that_is_no_success(status: int) -> None:
    error = error_of(Answer(status, body=b'{"task_id":"train-0123456789"'), OPEN)
    assert isinstance(error, Unclear)
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
    answer = Answer(200, "HTTP/1.1 200 OK", body=HOSTILE[name])
    error = error_of(answer, OPEN)
    if error is None:
        assert read_task(understood(answer, OPEN)).percentage in (40.0, None)
    else:
        assert isinstance(error, Unclear)
        assert error.why is UnclearBecause.NOT_JSON


def test_a_broken_off_refusal_is_still_a_refusal() -> None:
    error = error_of(Answer(429, body=b'{"mess', broken=UnclearBecause.CUT_OFF), OPEN)
    assert isinstance(error, Throttled)


@given(
    st.integers(100, 999),
    st.binary(max_size=200)
    | st.builds(lambda data: json.dumps(data).encode(), st.dictionaries(st.text(), st.text())),
    st.sampled_from([None, *UnclearBecause]),
    st.dictionaries(st.sampled_from(["retry-after", "date", "x-request-id"]), st.text(max_size=30)),
)
def test_any_answer_is_an_object_or_exactly_one_of_our_errors(
    status: int, body: bytes, broken: UnclearBecause | None, headers: dict[str, str]
) -> None:
    answer = Answer(status, f"HTTP/1.1 {status}", headers, body, broken)
    error = error_of(answer, OPEN)
    assert error is None or isinstance(error, ApiframeError)
    if error is None:
        assert 200 <= status < 300
        assert broken is None
