"""Errors are facts that can be raised again, shown and sent between processes."""

from __future__ import annotations

import copy
import pickle

import pytest

from apiframe_studio.api import errors as module
from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    BaseUrlProblem,
    Conflict,
    ImageRefused,
    ImageRefusedReason,
    InsufficientCredits,
    InvalidBaseUrl,
    InvalidKey,
    NotFound,
    NotSent,
    NotSentReason,
    OutcomeUnknown,
    OutcomeUnknownReason,
    RateLimited,
    Refused,
    TooManyTrainings,
)
from apiframe_studio.api.keys import KeyProblem

ERRORS = [
    ApiframeError("words"),
    InvalidKey(KeyProblem.V2),
    InvalidBaseUrl(BaseUrlProblem.PROXY),
    NotSent(NotSentReason.DNS),
    RateLimited("slow down", retry_after=3.0, request_id="req-1"),
    Refused("no", status=400),
    TooManyTrainings("full"),
    AuthenticationFailed(status=401),
    InsufficientCredits("pay", status=402, required=257, available=12),
    NotFound(status=404),
    ImageRefused(ImageRefusedReason.HOST, "elsewhere.example"),
    OutcomeUnknown(
        "hm", reason=OutcomeUnknownReason.SERVER_ERROR, status=500, excerpt="HTTP/1.1 500", task_id="task-1"
    ),
    Conflict("reused", reason=OutcomeUnknownReason.ODD_STATUS, status=409),
]


def test_every_error_of_the_tree_is_in_this_test_and_in_its_docstring() -> None:
    tree = {
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, ApiframeError)
    }
    assert tree == {type(error).__name__ for error in ERRORS}
    assert all(name in (module.__doc__ or "") for name in tree)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301 - our own
def test_an_error_keeps_all_its_facts_when_it_is_copied(error: ApiframeError, again: object) -> None:
    assert callable(again)
    twin = again(error)
    assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))
    assert twin is not error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OutcomeUnknown("hm", reason=OutcomeUnknownReason.SERVER_ERROR, status=502),
            "the outcome of the request is unknown (server error; HTTP 502; hm)",
        ),
        (NotSent(NotSentReason.DNS), "the request was not sent (dns)"),
        (InvalidKey(KeyProblem.MISSING), "the API key cannot be used (missing)"),
        (ImageRefused(ImageRefusedReason.HOST, "a.example"), "the image was not accepted (host a.example)"),
        (ImageRefused(ImageRefusedReason.TYPE), "the image was not accepted (type)"),
        (AuthenticationFailed(status=401), "the service does not accept the API key (HTTP 401)"),
    ],
)
def test_an_error_shows_its_facts(error: ApiframeError, text: str) -> None:
    assert str(error) == text
    assert repr(error) == f"<{type(error).__name__}: {text}>"
