"""A training started here stays a training, even if a response about it looks like that of another kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ..faults.fault_server import ACCEPTED, answer, fault_server, replying
from ..server.program import running

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Serving

TASK_ID = ACCEPTED["task_id"]
FINISHED = {"task_id": TASK_ID, "status": "finished", "trigger_word": "TOKIKD"}
MISLEADING: dict[str, dict[str, Any]] = {
    "expires_at": {**FINISHED, "expires_at": "2027-02-21T05:48:46.599Z"},
    "image_urls": {**FINISHED, "image_urls": ["https://cdn.example/sample.png"]},
    "task_type": {**FINISHED, "task_type": "ai-photo-generate"},
    "message": {**FINISHED, "message": "Images ready for training"},
    "failed": {
        "task_id": TASK_ID,
        "status": "failed",
        "message": "Training images could not be used: too few show a face",
    },
}


@pytest.mark.parametrize("resembles", MISLEADING)
async def test_a_response_like_that_of_another_kind_still_gives_the_state_and_word_of_a_training(
    serving: Serving, resembles: str
) -> None:
    message = MISLEADING[resembles]
    with fault_server("accepted", "said", faults={"said": replying(answer("200 OK", message))}) as service:
        async with serving(base_url=service.base_url, app_factory=None, is_sandbox=False) as session:
            begun = await session.ask("start_training", training_images_id="photos-0123456789")
            seen = await session.ask("get_training_status", task_id=begun.facts["ref"])
            waited = await session.ask("wait_for_training", task_id=TASK_ID)
            [row] = (await session.ask("list_trainings")).facts["trainings"]
    for facts in (seen.facts, waited.facts, row):
        assert (facts["status"], facts["trigger_word"]) == (message["status"], message.get("trigger_word"))
    assert not row["stale"]
    if message["status"] == "failed":
        assert "could not be used" in seen.text


async def test_the_real_process_reports_the_trigger_word_though_the_response_has_an_expiry(
    tmp_path: Path,
) -> None:
    faults = {"said": replying(answer("200 OK", MISLEADING["expires_at"]))}
    with fault_server("accepted", "said", faults=faults) as service:
        settings = {"API_KEY": "v1-key-of-a-test", "BASE_URL": service.base_url}
        async with running(folder=tmp_path, settings=settings) as wire:
            await wire.greet()
            await wire.call("start_training", training_images_id="photos-0123456789")
            seen = await wire.call("get_training_status", task_id=TASK_ID)
    assert seen["structuredContent"]["trigger_word"] == "TOKIKD"
