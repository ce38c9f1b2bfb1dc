"""A paid request under way is not lost however the program ends, and it ends within ten seconds."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import anyio
import pytest

from apiframe_server.ending import CLOSE_SECONDS, FINISH_SECONDS

from ..faults.fault_server import ACCEPTED
from .holding import Holding, holding, settings_for
from .program import Wire, running, submissions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

ENDINGS = ["end of input"] + ([] if sys.platform == "win32" else ["SIGTERM", "SIGINT"])
"""Windows does not have these signals."""


async def _begin(wire: Wire, held: Holding) -> int:
    await wire.greet()
    photos = {"name": "start_training", "arguments": {"training_images_id": "photos"}}
    number = await wire.ask("tools/call", photos)
    await held.came()
    return number


async def _end(wire: Wire, ending: str) -> None:
    if ending == "end of input":
        await wire.close_input()
    else:
        wire.process.send_signal(getattr(signal, ending))


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_paid_request_under_way_may_finish(tmp_path: Path, ending: str) -> None:
    with holding() as held:
        async with running(folder=tmp_path, settings=settings_for(held), new_process=True) as wire:
            await _begin(wire, held)
            await _end(wire, ending)
            with anyio.move_on_after(0.3) as wait:
                await wire.ended()
            assert wait.cancelled_caught
            held.answer()
            assert await wire.ended() == 0
    assert submissions(tmp_path) == [("queued", ACCEPTED["task_id"])]
    assert len(held.service.posts) == 1


async def test_an_unanswered_paid_request_is_recorded_as_unconfirmed_within_ten_seconds(
    tmp_path: Path,
) -> None:
    """Run all endings concurrently, because each takes nine seconds."""
    assert FINISH_SECONDS + CLOSE_SECONDS < 10

    async def end(ending: str) -> None:
        folder = tmp_path / ending
        with holding() as held:
            async with running(folder=folder, settings=settings_for(held)) as wire:
                await _begin(wire, held)
                await _end(wire, ending)
                assert await wire.ended() == 0
            assert submissions(folder) == [("unconfirmed", None)]
            assert len(held.service.posts) == 1

    async with anyio.create_task_group() as group:
        for ending in ENDINGS:
            group.start_soon(end, ending)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_the_server_ends_at_once_without_paid_requests_under_way(tmp_path: Path, ending: str) -> None:
    async with running("--sandbox", folder=tmp_path) as wire:
        await wire.greet()
        begun = (await wire.call("start_training", training_images_id="sandbox-person"))["structuredContent"]
        await wire.ask(
            "tools/call", {"name": "wait_for_training", "arguments": {"task_id": begun["task_id"]}}
        )
        await wire.request("ping")
        await _end(wire, ending)
        assert await wire.ended() == 0
    [(state, task_id)] = submissions(tmp_path / "sandbox")
    # On a busy machine, the wait may have time for another poll.
    assert (state in ("queued", "processing"), task_id) == (True, begun["task_id"])
    assert wire.err == ""


async def test_work_started_before_a_restart_continues_after_it(tmp_path: Path) -> None:
    async with running("--sandbox", folder=tmp_path, settings={"SANDBOX_SECONDS": "1"}) as wire:
        await wire.greet()
        begun = (await wire.call("start_training", training_images_id="sandbox-person"))["structuredContent"]
    async with running("--sandbox", folder=tmp_path) as wire:
        await wire.greet()
        ended = (await wire.call("wait_for_training", task_id=begun["ref"]))["structuredContent"]
        again = (await wire.call("start_training", training_images_id="sandbox-person"))["structuredContent"]
    assert ended["status"] == "finished"
    assert ended["trigger_word"]
    assert (again["deduplicated"], again["task_id"]) == (True, begun["task_id"])
