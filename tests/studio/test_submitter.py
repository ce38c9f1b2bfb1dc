"""What the submitter records when something fails that no response of the service explains."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.v1.client import ApiframeV1
from apiframe_studio.ledger import Answer
from apiframe_studio.ledger.states import Event, State
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.submitter import classify_error
from apiframe_studio.trainings import TrainingRequest

from .stepped_clock import SteppedClock


def test_an_error_that_is_not_known_leaves_the_outcome_unclear() -> None:
    assert classify_error(ApiframeError("new")) == (Event.UNCLEAR, Answer())


async def test_a_request_that_ends_with_a_defect_is_unconfirmed_and_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SteppedClock()
    sandbox = Sandbox(clock=clock.now)
    plan = StudioConfig(
        tmp_path / "ledger.sqlite3",
        SANDBOX_URL,
        SecretStr(SANDBOX_KEY),
        app_factory=lambda: sandbox.app,
        is_sandbox=True,
    )
    studio = Studio(plan, clock)

    async def defective(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as patched:
        patched.setattr(ApiframeV1, "train", defective)
        with pytest.raises(RuntimeError, match="a defect"):
            await studio.trainings.start(TrainingRequest("sandbox-person"))
    again = await studio.trainings.start(TrainingRequest("sandbox-person"))
    await studio.aclose()
    assert again.state is State.UNCONFIRMED
    assert sandbox.store.count_paid() == 0
    sandbox.close()
