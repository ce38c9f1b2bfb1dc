"""Progress is a pure function of the submission time and the current time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiframe_studio.sandbox.progress import FINAL, STEP, Status, compute_progress

SUBMITTED = 1_790_000_000.123
ORDER = list(Status)


@pytest.mark.parametrize(
    ("elapsed", "status", "percentage"),
    [
        (-3600, Status.PENDING, 0),
        (0, Status.PENDING, 0),
        (0.5, Status.STAGED, 0),
        (0.9, Status.STARTING, 0),
        (1, Status.PROCESSING, 5),
        (8, Status.PROCESSING, 40),
        (11, Status.PROCESSING, 55),
        (19.99, Status.PROCESSING, 95),
        (20, Status.FINISHED, 100),
        (1e9, Status.FINISHED, 100),
    ],
)
def test_the_progress_of_a_task_of_twenty_seconds(elapsed: float, status: Status, percentage: int) -> None:
    result = compute_progress(SUBMITTED, SUBMITTED + elapsed, 20)
    assert (result.status, result.percentage) == (status, percentage)


@pytest.mark.parametrize(
    ("elapsed", "status", "percentage"),
    [(9.9, Status.PROCESSING, 45), (10, Status.FAILED, 50), (30, Status.FAILED, 50)],
)
def test_a_task_that_fails_at_50_percent_stays_failed(
    elapsed: float, status: Status, percentage: int
) -> None:
    result = compute_progress(SUBMITTED, SUBMITTED + elapsed, 20, fails_after=0.5)
    assert (result.status, result.percentage) == (status, percentage)


@pytest.mark.parametrize("thousandth", range(0, 1000, 7))
def test_rounding_never_delays_a_task(thousandth: int) -> None:
    submitted_at = 1_790_000_000 + thousandth / 1000
    steps = [compute_progress(submitted_at, submitted_at + step * 0.015, 0.3) for step in range(21)]
    assert [step.percentage for step in steps] == list(range(0, 101, 5))
    assert steps[-1].status is Status.FINISHED


def test_a_task_of_zero_seconds_is_finished_at_once() -> None:
    assert compute_progress(SUBMITTED, SUBMITTED, 0).status is Status.FINISHED


@given(
    st.floats(0, 4e9),
    st.floats(-1e9, 1e9),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.none() | st.floats(0, 1),
)
def test_progress_never_decreases(
    submitted_at: float, elapsed: float, more: float, seconds: float, fails_after: float | None
) -> None:
    earlier = compute_progress(submitted_at, submitted_at + elapsed, seconds, fails_after)
    later = compute_progress(submitted_at, submitted_at + elapsed + more, seconds, fails_after)
    assert ORDER.index(earlier.status) <= ORDER.index(later.status)
    assert earlier.percentage <= later.percentage
    assert later.percentage in range(0, 101, STEP)
    assert earlier.status not in FINAL or earlier == later
