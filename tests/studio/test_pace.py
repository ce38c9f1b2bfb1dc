"""The time left is estimated from observed progress, and unknown without any."""

from __future__ import annotations

import pytest

from apiframe_studio.eta import ProgressHistory, estimate_seconds_left
from apiframe_studio.ledger import Observation
from apiframe_studio.ledger.states import State

ACCEPTED_AT = 1_000.0


def seen(*points: tuple[float, float | None]) -> tuple[Observation, ...]:
    return tuple(Observation(at, State.PROCESSING, percentage) for at, percentage in points)


CASES = {
    "nothing seen": (ProgressHistory(), 1_100.0, None),
    "accepted, and no more": (ProgressHistory(ACCEPTED_AT), 1_100.0, None),
    "one percentage and the acceptance": (ProgressHistory(ACCEPTED_AT, seen((1_100, 25))), 1_100.0, 300.0),
    "time has passed since": (ProgressHistory(ACCEPTED_AT, seen((1_100, 25))), 1_150.0, 250.0),
    "overdue is soon, not negative": (ProgressHistory(ACCEPTED_AT, seen((1_100, 50))), 1_500.0, 0.0),
    "two percentages without acceptance": (ProgressHistory(None, seen((0, 20), (60, 40))), 60.0, 180.0),
    "one percentage without acceptance": (ProgressHistory(None, seen((0, 20))), 60.0, None),
    "looks without a percentage": (ProgressHistory(ACCEPTED_AT, seen((1_100, None))), 1_100.0, None),
    "stuck at nothing": (ProgressHistory(ACCEPTED_AT, seen((1_100, 0))), 1_100.0, None),
    "going backwards": (ProgressHistory(None, seen((0, 60), (60, 40))), 60.0, None),
    "the clock was set back": (ProgressHistory(ACCEPTED_AT, seen((900, 30))), 900.0, None),
    "longer than a day": (
        ProgressHistory(ACCEPTED_AT, seen((ACCEPTED_AT + 86_400, 1))),
        ACCEPTED_AT + 86_400,
        None,
    ),
    "earlier ones": (ProgressHistory(ACCEPTED_AT, (), (600, 900, 1_200)), 1_100.0, 800.0),
    "longer than earlier ones": (ProgressHistory(ACCEPTED_AT, (), (600, 900, 1_200)), 2_000.0, None),
    "its own pace before others'": (
        ProgressHistory(ACCEPTED_AT, seen((1_100, 50)), (9_000,)),
        1_100.0,
        100.0,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_estimate_continues_the_observed_progress(case: str) -> None:
    pace, now, expected = CASES[case]
    assert estimate_seconds_left(pace, now) == expected
