"""wait_for_training, and many concurrent status checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from .conftest import Gating, Serving, Session

PHOTOS = {"training_images_id": "sandbox-person"}


async def _begun(session: Session) -> str:
    task_id: str = (await session.ask("start_training", **PHOTOS, subject="Anna")).facts["task_id"]
    return task_id


async def test_waiting_reports_progress_until_the_trigger_word_is_known(serving: Serving) -> None:
    reports: list[tuple[float, float | None, str | None]] = []

    async def record(progress: float, total: float | None, message: str | None) -> None:
        reports.append((progress, total, message))

    async with serving(poll_seconds=100.0) as session:
        task_id = await _begun(session)
        session.clock.runs = True
        with anyio.fail_after(60):
            result = await session.client.call_tool(
                "wait_for_training", {"task_id": task_id}, progress_callback=record
            )
    facts = result.structured_content or {}
    assert facts["status"] == "finished"
    assert facts["trigger_word"]
    assert [total for _, total, _ in reports] == [100.0] * len(reports)
    done = [progress for progress, _, _ in reports]
    assert len(done) > 5
    assert done == sorted(done)
    assert done[-1] == 100
    assert reports[0][2] == "Training is queued"
    assert reports[-1][2] == "Training is finished"


async def test_waiting_for_a_settled_training_returns_at_once(session: Session) -> None:
    task_id = await _begun(session)
    session.clock.at += 1000
    reply = await session.ask("wait_for_training", task_id=task_id)
    same = await session.ask("get_training_status", task_id=task_id)
    assert reply.facts["status"] == "finished"
    assert reply.text == same.text


async def test_a_training_still_running_at_the_time_limit_is_a_normal_result(session: Session) -> None:
    task_id = await _begun(session)
    session.clock.at += 400
    began = anyio.current_time()
    reply = await session.ask("wait_for_training", task_id=task_id, max_wait_seconds=1)
    assert anyio.current_time() - began > 0.9
    assert (reply.facts["status"], reply.facts["percentage"]) == ("processing", 40)
    assert "wait_for_training" in reply.facts["next_step"]
    assert session.clock.sleepers == 0


async def test_after_a_second_wait_without_progress_the_next_step_is_to_inform_the_user_and_return_later(
    session: Session,
) -> None:
    task_id = await _begun(session)
    session.clock.at += 400
    await session.ask("get_training_status", task_id=task_id)
    first = await session.ask("wait_for_training", task_id=task_id, max_wait_seconds=1)
    second = await session.ask("wait_for_training", task_id=task_id, max_wait_seconds=1)
    session.clock.at += 400
    moved = await session.ask("wait_for_training", task_id=task_id, max_wait_seconds=1)
    for reply in (first, moved):
        assert reply.facts["next_step"].startswith("call wait_for_training")
    step = second.facts["next_step"]
    assert step.startswith("tell the user that the training continues")
    assert f"get_training_status with task_id {task_id} in 10 minutes" in step
    assert "wait_for_training" not in step


async def test_a_cancelled_wait_stops_at_once_and_the_server_continues(session: Session) -> None:
    task_id = await _begun(session)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: session.ask("wait_for_training", task_id=task_id))
        await session.clock.until_sleepers(1)
        group.cancel_scope.cancel()
    await session.clock.until_sleepers(0)
    assert (await session.ask("get_training_status", task_id=task_id)).facts["status"] == "queued"


async def test_a_hundred_concurrent_status_checks_share_their_requests(gating: Gating) -> None:
    statuses: list[str] = []
    async with gating("/fetch") as gated:
        session = gated.session
        task_id = await _begun(session)
        before = session.requests()

        async def look() -> None:
            statuses.append((await session.ask("get_training_status", task_id=task_id)).facts["status"])

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(look)
            with anyio.fail_after(60):
                await gated.arrived.wait()
            # Now every status check is sent or pending.
            await anyio.wait_all_tasks_blocked()
            gated.open.set()
        assert session.requests() - before <= 10
    assert statuses == ["queued"] * 100


async def test_fifty_waits_for_one_training_poll_once_per_interval(serving: Serving) -> None:
    async with serving(poll_seconds=100.0) as session:
        task_id = await _begun(session)
        before = session.requests()
        ended: list[str] = []

        async def wait() -> None:
            ended.append((await session.ask("wait_for_training", task_id=task_id)).facts["status"])

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(wait)
            await session.clock.until_sleepers(1)
            session.clock.at += 1000
            session.clock.wake()
        assert ended == ["finished"] * 50
        assert session.requests() - before <= 10
