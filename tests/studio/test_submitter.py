"""What the submitter does about a failure that no response of the service explains, and between two tries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.v1.client import ApiframeV1
from apiframe_studio.forgetting import forget_subject
from apiframe_studio.ledger import Answer, Kind
from apiframe_studio.ledger.errors import SubjectForgotten
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


class BusyOnce:
    """A sandbox that refuses the first paid request as one too many, before it costs anything."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.paid_requests = 0

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST" and scope["path"] == "/ai-photo-train":
            self.paid_requests += 1
            if self.paid_requests == 1:
                await JSONResponse({"msg": "too many"}, 429)(scope, receive, send)
                return
        await self._sandbox.app(scope, receive, send)


async def test_a_subject_forgotten_between_two_tries_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SteppedClock()
    sandbox = Sandbox(clock=clock.now)
    service = BusyOnce(sandbox)
    plan = StudioConfig(
        tmp_path / "ledger.sqlite3",
        SANDBOX_URL,
        SecretStr(SANDBOX_KEY),
        app_factory=lambda: service.app,
        is_sandbox=True,
    )
    studio = Studio(plan, clock)
    wait = clock.sleep

    async def forget_while_waiting(seconds: float) -> None:
        monkeypatch.setattr(clock, "sleep", wait)
        await forget_subject("Anna", studio.ledger, studio.image_store, clock.now())
        await wait(seconds)

    monkeypatch.setattr(clock, "sleep", forget_while_waiting)
    with pytest.raises(SubjectForgotten):
        await studio.trainings.start(TrainingRequest("sandbox-person", subject="Anna"))
    (row,) = (await studio.ledger.page(Kind.TRAINING, clock.now(), limit=2)).rows
    await studio.aclose()
    assert (row.state, row.attempt, row.subject) == (State.ABANDONED, 1, None)
    assert service.paid_requests == 1
    assert sandbox.store.count_paid() == 0
    sandbox.close()
