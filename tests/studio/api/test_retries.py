"""Which reads are retried, and after how long."""

from __future__ import annotations

import logging

import anyio
import pytest
import stamina

from apiframe_studio.api.errors import (
    AuthenticationFailed,
    InsufficientCredits,
    InvalidKey,
    NotFound,
    NotSent,
    NotSentReason,
    OutcomeUnknown,
    OutcomeUnknownReason,
    RateLimited,
    Refused,
)
from apiframe_studio.api.http.retries import decide_retry, with_retries
from apiframe_studio.api.keys import KeyProblem


@pytest.mark.parametrize(
    ("error", "seconds_left", "wait"),
    [
        (NotSent(NotSentReason.REFUSED), 10.0, True),
        (NotSent(NotSentReason.BUSY), 10.0, True),
        (OutcomeUnknown(reason=OutcomeUnknownReason.SERVER_ERROR, status=503), 10.0, True),
        (OutcomeUnknown(reason=OutcomeUnknownReason.CUT_OFF), 10.0, True),
        (OutcomeUnknown(reason=OutcomeUnknownReason.TIMEOUT), 10.0, True),
        (OutcomeUnknown(reason=OutcomeUnknownReason.TIMEOUT), 0.5, False),
        (RateLimited(), 10.0, True),
        (RateLimited(), 0.5, False),
        (RateLimited(retry_after=3.0), 10.0, 3.0),
        (RateLimited(retry_after=0.0), 10.0, 0.0),
        (RateLimited(retry_after=9.5), 10.0, False),
        (RateLimited(retry_after=3600.0), 10.0, False),
        (OutcomeUnknown(reason=OutcomeUnknownReason.NOT_JSON, status=200), 10.0, False),
        (OutcomeUnknown(reason=OutcomeUnknownReason.TOO_LARGE, status=200), 10.0, False),
        (OutcomeUnknown(reason=OutcomeUnknownReason.ODD_STATUS, status=409), 10.0, False),
        (Refused(status=400), 10.0, False),
        (AuthenticationFailed(status=401), 10.0, False),
        (InsufficientCredits(status=402), 10.0, False),
        (NotFound(status=404), 10.0, False),
        (InvalidKey(KeyProblem.V2), 10.0, False),
        (ZeroDivisionError(), 10.0, False),
    ],
)
def test_only_temporary_errors_are_retried_and_only_if_time_remains(
    error: Exception, seconds_left: float, wait: bool | float
) -> None:
    decided = decide_retry(error, seconds_left)
    assert (decided, type(decided)) == (wait, type(wait))


async def test_after_three_attempts_the_last_error_is_raised() -> None:
    tries: list[float] = []

    async def ask(seconds: float) -> None:
        tries.append(seconds)
        raise RateLimited(f"try {len(tries)}", retry_after=0.0)

    with (
        stamina.set_testing(True, attempts=9, cap=True),
        anyio.fail_after(60),
        pytest.raises(RateLimited, match="try 3"),
    ):
        await with_retries(ask, str, 30.0)
    assert tries == [pytest.approx(20, abs=1), pytest.approx(30, abs=1), pytest.approx(30, abs=1)]


async def test_a_retry_is_logged_with_the_facts_of_its_error(caplog: pytest.LogCaptureFixture) -> None:
    async def ask(_seconds: float) -> None:
        raise OutcomeUnknown("down", reason=OutcomeUnknownReason.SERVER_ERROR, status=503)

    with stamina.set_testing(True, attempts=2), caplog.at_level(logging.DEBUG), pytest.raises(OutcomeUnknown):
        await with_retries(ask, str, 30.0)
    (record,) = caplog.records
    assert vars(record)["stamina.caused_by"] == (
        "<OutcomeUnknown: the outcome of the request is unknown (server error; HTTP 503; down)>"
    )
