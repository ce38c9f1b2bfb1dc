"""When listings prove that a training was never accepted, and when only the user may decide that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apiframe_studio.ledger import Kind, ProviderFacts, Submission
from apiframe_studio.ledger.absence import (
    MAX_TIMES_KEPT,
    is_absent,
    may_look,
    was_never_complete,
    with_absence,
)
from apiframe_studio.ledger.states import State

BROKE = 1_000.0
ROW = Submission(
    "tr-0000001",
    Kind.TRAINING,
    "service",
    "local",
    None,
    None,
    None,
    State.UNCONFIRMED,
    1,
    0.0,
    sent_at=900.0,
)


def row(*absent_at: float, body_sent_at: float | None = None, deadline: float | None = None) -> Submission:
    facts = ProviderFacts(
        unclear_since=BROKE, body_sent_at=body_sent_at, absent_at=absent_at, deadline_seconds=deadline
    )
    return replace(ROW, provider_facts=facts)


@pytest.mark.parametrize(
    ("absent_at", "proves"),
    [
        ((), False),
        ((BROKE + 60,), False),
        ((BROKE + 31, BROKE + 60), False),
        ((BROKE + 30, BROKE + 59.9), False),
        ((BROKE + 30, BROKE + 60), True),
        ((BROKE + 5, BROKE + 15, BROKE + 30, BROKE + 60), True),
    ],
)
def test_two_listings_prove_that_an_incomplete_body_was_never_accepted(
    absent_at: tuple[float, ...], proves: bool
) -> None:
    assert was_never_complete(row(*absent_at)) is proves


def test_no_listing_proves_anything_once_the_last_part_has_left() -> None:
    assert not was_never_complete(row(BROKE + 100, BROKE + 1_000, body_sent_at=BROKE - 1))


@pytest.mark.parametrize(
    ("absent_at", "deadline", "is_over"),
    [
        ((BROKE + 500, BROKE + 560, BROKE + 620), None, True),
        ((BROKE + 500, BROKE + 559, BROKE + 620), None, False),
        ((BROKE + 400, BROKE + 500, BROKE + 599), None, False),
        ((BROKE + 500, BROKE + 560, BROKE + 620), 400.0, False),
        ((BROKE + 500, BROKE + 560, BROKE + 800), 400.0, True),
        ((BROKE + 5, BROKE + 15, BROKE + 30, BROKE + 620), None, False),
    ],
)
def test_a_complete_body_is_absent_after_three_listings_and_ten_minutes_or_two_deadlines(
    absent_at: tuple[float, ...], deadline: float | None, is_over: bool
) -> None:
    assert is_absent(row(*absent_at, body_sent_at=BROKE, deadline=deadline)) is is_over


def test_an_incomplete_body_is_never_left_to_the_user() -> None:
    assert not is_absent(row(BROKE + 500, BROKE + 560, BROKE + 2_000))


def test_listings_are_ten_seconds_apart_whichever_way_the_clock_is_set() -> None:
    assert may_look(row(), BROKE)
    assert not may_look(row(BROKE), BROKE + 9.9)
    assert may_look(row(BROKE), BROKE + 10)
    assert may_look(row(BROKE), BROKE - 10)


def test_of_many_listings_the_first_and_the_latest_are_kept() -> None:
    times: tuple[float, ...] = ()
    for number in range(40):
        times = with_absence(times, BROKE + 10 * number)
    assert len(times) == MAX_TIMES_KEPT
    assert (times[0], times[-1]) == (BROKE, BROKE + 390)
