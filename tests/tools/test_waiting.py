"""wait_for_training, and many who ask at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from .conftest import Gating, Serving, Talk

PHOTOS = {"training_images_id": "sandbox-person"}


async def _begun(talk: Talk) -> str:
    task_id: str = (await talk.ask("start_training", **PHOTOS, subject="Anna")).facts["task_id"]
    return task_id


async def test_waiting_tells_progress_until_the_trigger_word_is_there(serving: Serving) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with serving(poll_seconds=100.0) as talk:
        task_id = await _begun(talk)
        talk.clock.runs = True
        with anyio.fail_after(20):
            result = await talk.client.call_tool(
                "wait_for_training", {"task_id": task_id}, progress_callback=hear
            )
    facts = result.structured_content or {}
    assert facts["status"] == "finished"
    assert facts["trigger_word"]
    assert [total for _, total, _ in told] == [100.0] * len(told)
    done = [progress for progress, _, _ in told]
    assert len(done) > 5
    assert done == sorted(done)
    assert done[-1] == 100
    assert told[0][2] == "Training is queued"
    assert told[-1][2] == "Training is finished"


async def test_waiting_for_a_settled_training_returns_at_once(talk: Talk) -> None:
    task_id = await _begun(talk)
    talk.clock.at += 1000
    heard = await talk.ask("wait_for_training", task_id=task_id)
    same = await talk.ask("get_training_status", task_id=task_id)
    assert heard.facts["status"] == "finished"
    assert heard.text == same.text


async def test_still_running_at_the_limit_is_a_normal_result(talk: Talk) -> None:
    task_id = await _begun(talk)
    talk.clock.at += 400
    began = anyio.current_time()
    heard = await talk.ask("wait_for_training", task_id=task_id, max_wait_seconds=1)
    assert 0.9 < anyio.current_time() - began < 3
    assert (heard.facts["status"], heard.facts["percentage"]) == ("processing", 40)
    assert "wait_for_training" in heard.facts["next_step"]
    assert talk.clock.sleepers == 0


async def test_after_a_second_wait_without_progress_the_next_step_is_to_tell_the_user_and_come_back(
    talk: Talk,
) -> None:
    task_id = await _begun(talk)
    talk.clock.at += 400
    await talk.ask("get_training_status", task_id=task_id)
    first = await talk.ask("wait_for_training", task_id=task_id, max_wait_seconds=1)
    second = await talk.ask("wait_for_training", task_id=task_id, max_wait_seconds=1)
    talk.clock.at += 400
    moved = await talk.ask("wait_for_training", task_id=task_id, max_wait_seconds=1)
    for heard in (first, moved):
        assert heard.facts["next_step"].startswith("call wait_for_training")
    step = second.facts["next_step"]
    assert step.startswith("tell the user that the training continues")
    assert f"get_training_status with task_id {task_id} in 10 minutes" in step
    assert "wait_for_training" not in step


async def test_a_cancelled_wait_stops_at_once_and_the_server_goes_on(talk: Talk) -> None:
    task_id = await _begun(talk)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: talk.ask("wait_for_training", task_id=task_id))
        await talk.clock.until_sleepers(1)
        group.cancel_scope.cancel()
    await talk.clock.until_sleepers(0)
    assert (await talk.ask("get_training_status", task_id=task_id)).facts["status"] == "queued"


async def test_a_hundred_looks_at_once_share_their_requests(gating: Gating) -> None:
    statuses: list[str] = []
    async with gating("/fetch") as gated:
        talk = gated.talk
        task_id = await _begun(talk)
        before = talk.requests()

        async def look() -> None:
            statuses.append((await talk.ask("get_training_status", task_id=task_id)).facts["status"])

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(look)
            with anyio.fail_after(20):
                await gated.knocked.wait()
            # Now every look is on its way or waits for company.
            await anyio.wait_all_tasks_blocked()
            gated.open.set()
        assert talk.requests() - before <= 10
    assert statuses == ["queued"] * 100


async def test_fifty_waits_on_one_training_look_once_a_beat(serving: Serving) -> None:
    async with serving(poll_seconds=100.0) as talk:
        task_id = await _begun(talk)
        before = talk.requests()
        ended: list[str] = []

        async def wait() -> None:
            ended.append((await talk.ask("wait_for_training", task_id=task_id)).facts["status"])

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(wait)
            await talk.clock.until_sleepers(1)
            talk.clock.at += 1000
            talk.clock.wake()
        assert ended == ["finished"] * 50
        assert talk.requests() - before <= 10
