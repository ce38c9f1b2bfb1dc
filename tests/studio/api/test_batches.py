"""Matching tasks of a batch with their ids."""

from __future__ import annotations

import pytest

from apiframe_studio.api.http.redaction import Redactor
from apiframe_studio.api.v1.wire import match_batch


def task(task_id: str | None, status: str | None = "processing") -> dict[str, object]:
    return {name: value for name, value in (("task_id", task_id), ("status", status)) if value is not None}


@pytest.mark.parametrize(
    ("answered", "known"),
    [
        ([task("a"), task("b"), task("c")], {"a", "b", "c"}),
        ([task("c"), task("a"), task("b")], {"a", "b", "c"}),
        ([task("a"), task(None), task("c")], {"a", "b", "c"}),
        ([task(None), task(None), task(None)], {"a", "b", "c"}),
        ([task("a"), task("c")], {"a", "c"}),
        ([task("a"), task(None)], {"a"}),
        ([task("b"), task(None), task("c")], {"b", "c"}),
        ([task("a"), task("unknown"), task(None)], {"a"}),
        ([task("a"), task("a"), task("c")], {"c"}),
        ([task("a"), task("b", None), task("c")], {"a", "c"}),
        ([task("a"), None, 7], {"a"}),
        ([], set()),
        (None, set()),
        ({"a": task("a")}, set()),
    ],
)
def test_a_task_is_matched_to_an_id_only_if_it_is_certain(answered: object, known: set[str]) -> None:
    assert set(match_batch(["a", "b", "c"], answered, Redactor())) == known
