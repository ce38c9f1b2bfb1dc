"""Errors are facts that can be raised again, shown and sent between processes."""

from __future__ import annotations

import copy
import pickle

import pytest

from apiframe_studio.api import (
    ApiframeError,
    BaseUrlProblem,
    BaseUrlUnusable,
    KeyProblem,
    KeyRefused,
    KeyUnusable,
    NotFound,
    NotSent,
    NotSentBecause,
    OutOfCredits,
    PictureRefused,
    PictureRefusedBecause,
    Refused,
    Throttled,
    Unclear,
    UnclearBecause,
)
from apiframe_studio.api import errors as module

ERRORS = [
    ApiframeError("words"),
    KeyUnusable(KeyProblem.V2),
    BaseUrlUnusable(BaseUrlProblem.PROXY),
    NotSent(NotSentBecause.DNS),
    Throttled("slow down", retry_after=3.0, request_id="req-1"),
    Refused("no", status=400),
    KeyRefused(status=401),
    OutOfCredits("pay", status=402),
    NotFound(status=404),
    PictureRefused(PictureRefusedBecause.HOST, "elsewhere.example"),
    Unclear("hm", why=UnclearBecause.SERVER_ERROR, status=500, answer="HTTP/1.1 500", task_id="task-1"),
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
def test_an_error_can_be_raised_again_elsewhere_with_all_its_facts(
    error: ApiframeError, again: object
) -> None:
    assert callable(again)
    twin = again(error)
    assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))
    assert twin is not error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Unclear("hm", why=UnclearBecause.SERVER_ERROR, status=502), "Unclear: server_error; HTTP 502; hm"),
        (NotSent(NotSentBecause.DNS), "NotSent: dns"),
        (KeyUnusable(KeyProblem.MISSING), "KeyUnusable: missing"),
        (PictureRefused(PictureRefusedBecause.HOST, "a.example"), "PictureRefused: host a.example"),
        (PictureRefused(PictureRefusedBecause.TYPE), "PictureRefused: type"),
        (KeyRefused(status=401), "KeyRefused: HTTP 401"),
    ],
)
def test_an_error_shows_its_facts(error: ApiframeError, text: str) -> None:
    assert repr(error) == f"<{text}>"
    assert str(error).endswith(f" ({text.partition(': ')[2]})")
