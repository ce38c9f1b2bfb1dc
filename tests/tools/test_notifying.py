"""Notifications of the end of a training: one for each, and at most one status check a minute until then."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
import pytest
from anyio.lowlevel import checkpoint

from apiframe_studio.follower import PAUSE_SECONDS
from apiframe_studio.ledger import Submission
from apiframe_studio.notes import TO_REPORT, has_note
from apiframe_studio.sandbox import Sandbox
from apiframe_studio.sandbox.v2.behaviour import Behaviour
from apiframe_studio.training import Training
from apiframe_tools.wording.notifications import WILL_NOTIFY

from .conftest import TRAINING_SECONDS, Gated, HandClock, Serving, Session
from .kept import keep_set

JOB = "follow trainings"
DAY = 24 * 3600.0
Api = Literal["v1", "v2"]


@dataclass
class Recorder:
    """Keeps the notifications of a test instead of showing them."""

    ended: list[Training] = field(default_factory=list[Training])
    fails: bool = False
    hangs: bool = False
    arrived: anyio.Event = field(default_factory=anyio.Event)

    async def notify(self, ended: Training) -> None:
        self.arrived.set()
        if self.hangs:
            await anyio.sleep_forever()
        if self.fails:
            raise OSError("no bus")
        self.ended.append(ended)

    @property
    def words(self) -> list[tuple[str | None, str | None]]:
        return [(training.subject, training.trigger_word) for training in self.ended]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def sandbox(clock: HandClock) -> Iterator[Sandbox]:
    """A service for several servers, one after the other."""
    made = Sandbox(clock=clock.now, training_seconds=TRAINING_SECONDS)
    yield made
    made.close()


async def begun(session: Session, subject: str = "Anna", set_id: str = "sandbox-person", **facts: Any) -> str:
    """Start a training, and return its ref once the follower has nothing to do until the next round."""
    if session.studio.terms.generation == "v2":
        set_id = await keep_set(session, subject=subject, print_=subject[0].lower())
    started = await session.ask("start_training", training_images_id=set_id, subject=subject, **facts)
    if session.studio.follower.is_on:
        await session.clock.until_sleepers(1)
    return str(started.facts["ref"])


async def next_round(session: Session, seconds: float = PAUSE_SECONDS) -> None:
    """Let time pass, and the follower make its next round."""
    session.clock.at += seconds
    session.clock.wake()
    await session.clock.until_sleepers(0)


async def until_idle(session: Session) -> None:
    """Wait until the follower has ended."""
    assert await session.studio.jobs.run(JOB, checkpoint, 60.0)
    assert session.clock.sleepers == 0


def checks(sandbox: Sandbox) -> int:
    """Return how many requests were status checks."""
    asked = [f"{request['method']} {request['path']}" for request in sandbox.store.list_requests()]
    return sum(one.startswith(("POST /fetch", "GET /v2/loras")) for one in asked)


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_the_end_of_a_training_is_notified_once_with_its_trigger_word(
    serving: Serving, recorder: Recorder, api: Api
) -> None:
    async with serving(api=api, notifier=recorder) as session:
        await begun(session)
        await next_round(session)
        await session.clock.until_sleepers(1)
        assert recorder.ended == []
        await next_round(session, TRAINING_SECONDS)
        await until_idle(session)
        status = await session.ask("get_training_status", subject="Anna")
        assert recorder.words == [("Anna", status.facts["trigger_word"])]
        assert status.facts["trigger_word"]
        assert not has_note(session.studio.ledger.path, TO_REPORT)
        await session.ask("list_trainings")
        await until_idle(session)
    async with serving(api=api, notifier=recorder) as session:
        await session.ask("list_trainings")
        await until_idle(session)
    assert len(recorder.ended) == 1


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_all_trainings_together_cost_one_status_check_a_minute(
    serving: Serving, recorder: Recorder, api: Api
) -> None:
    async with serving(api=api, notifier=recorder, speeds={"training_seconds": 1e6}) as session:
        await begun(session, "Anna")
        await begun(session, "Berta", set_id="sandbox-bad-photos")
        before = checks(session.sandbox)
        began = session.clock.at
        for seconds in (PAUSE_SECONDS, PAUSE_SECONDS, 20.0, 20.0, 20.0, 20.0, PAUSE_SECONDS):
            await next_round(session, seconds)
            await session.clock.until_sleepers(1)
        minutes = (session.clock.at - began) // 60
        assert checks(session.sandbox) - before == 4 <= minutes
        assert session.paid() == 2


async def test_several_servers_on_one_ledger_check_and_notify_once(
    serving: Serving, sandbox: Sandbox, recorder: Recorder
) -> None:
    other = Recorder()
    async with serving(notifier=recorder, app_factory=lambda: sandbox.app) as first:
        await begun(first)
        async with serving(notifier=other, app_factory=lambda: sandbox.app) as second:
            await first.clock.until_sleepers(2)
            for _ in range(3):
                await next_round(first)
                await first.clock.until_sleepers(2)
            assert checks(sandbox) == 3
            await next_round(first, TRAINING_SECONDS)
            for session in (first, second):
                # The one that did not check reads in the ledger what became of it, perhaps in its next round.
                while not await session.studio.jobs.run(JOB, checkpoint, 0.05):
                    session.clock.wake()
            assert first.clock.sleepers == 0
            assert checks(sandbox) == 4
    assert len(recorder.ended + other.ended) == 1


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_a_program_that_dies_after_the_record_leaves_no_second_notification(
    serving: Serving, sandbox: Sandbox, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    dying, later = Recorder(fails=how == "fails", hangs=how == "hangs"), Recorder()
    async with serving(notifier=dying, app_factory=lambda: sandbox.app) as session:
        await begun(session)
        await next_round(session, TRAINING_SECONDS)
        with anyio.fail_after(60):
            await dying.arrived.wait()
        if how == "fails":
            await until_idle(session)
    async with serving(notifier=later, app_factory=lambda: sandbox.app) as session:
        await session.ask("get_account")
        await until_idle(session)
    assert (dying.ended, later.ended) == ([], [])
    assert ("could not be notified" in caplog.text) == (how == "fails")


async def test_without_a_notifier_nothing_is_followed(session: Session) -> None:
    await begun(session)
    session.clock.at += TRAINING_SECONDS
    await session.ask("get_account")
    assert not session.studio.jobs.is_running(JOB)
    assert session.clock.sleepers == 0
    assert checks(session.sandbox) == 0


async def test_only_results_of_what_will_be_notified_say_so(serving: Serving, recorder: Recorder) -> None:
    async with serving(notifier=recorder) as session:
        begun_here = await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
        status = await session.ask("get_training_status", subject="Anna")
        session.clock.at += TRAINING_SECONDS
        finished = await session.ask("get_training_status", subject="Anna")
    async with serving() as session:
        without = await session.ask(
            "start_training", training_images_id="sandbox-bad-photos", subject="Berta"
        )
    texts = [reply.facts["next_step"] for reply in (begun_here, status, finished, without)]
    assert [WILL_NOTIFY in text for text in texts] == [True, True, False, False]


async def test_nothing_is_read_or_followed_where_nothing_was_started(
    serving: Serving, recorder: Recorder
) -> None:
    async with serving(notifier=recorder) as session:
        await session.ask("get_account")
        assert not session.studio.jobs.is_running(JOB)
        assert not session.studio.ledger.path.exists()


async def test_an_end_that_a_result_reported_is_not_notified(serving: Serving, recorder: Recorder) -> None:
    async with serving(notifier=recorder) as session:
        for subject, tool, arguments in (
            ("Anna", "get_training_status", {"subject": "Anna"}),
            ("Berta", "wait_for_training", {"subject": "Berta"}),
            ("Carla", "list_trainings", {}),
        ):
            await begun(session, subject, idempotency_key=subject)
            session.clock.at += TRAINING_SECONDS
            assert "finished" in (await session.ask(tool, **arguments)).text
        await next_round(session)
        await until_idle(session)
        ref = await begun(session, "Dora", idempotency_key="Dora")
        session.clock.at += TRAINING_SECONDS
        again = await session.ask(
            "start_training", training_images_id="sandbox-person", idempotency_key="Dora"
        )
        assert (again.facts["ref"], again.facts["deduplicated"]) == (ref, True)
        assert again.facts["status"] == "finished"
        await next_round(session)
        await until_idle(session)
    assert recorder.ended == []


async def test_a_call_that_waits_reports_the_end_itself(serving: Serving, recorder: Recorder) -> None:
    async with serving(notifier=recorder, poll_seconds=50.0) as session:
        ref = await begun(session)
        async with anyio.create_task_group() as group:

            async def wait() -> None:
                waited = await session.ask("wait_for_training", task_id=ref)
                assert waited.facts["status"] == "finished"

            group.start_soon(wait)
            await session.clock.until_sleepers(2)
            before = checks(session.sandbox)
            await next_round(session)
            await session.clock.until_sleepers(2)
            assert checks(session.sandbox) == before + 1
            await next_round(session, TRAINING_SECONDS)
        if session.studio.jobs.is_running(JOB):
            await next_round(session)
        await until_idle(session)
    assert recorder.ended == []


async def test_a_failed_training_is_notified(serving: Serving, recorder: Recorder) -> None:
    async with serving(notifier=recorder) as session:
        await begun(session, set_id="sandbox-bad-photos")
        await next_round(session, TRAINING_SECONDS)
        await until_idle(session)
    assert recorder.words == [("Anna", None)]
    assert recorder.ended[0].state == "failed"


async def test_a_training_that_ended_while_no_server_ran_is_notified_at_the_next_start(
    serving: Serving, sandbox: Sandbox, recorder: Recorder
) -> None:
    async with serving(app_factory=lambda: sandbox.app) as session:
        await begun(session)
        session.clock.at += 3 * DAY
    async with serving(notifier=recorder, app_factory=lambda: sandbox.app) as later:
        await until_idle(later)
    assert recorder.words[0][0] == "Anna"
    assert checks(sandbox) == 1


@pytest.mark.parametrize(("days", "expected"), [(0.9, 1), (1.1, 0)])
async def test_an_end_that_no_call_reported_is_notified_for_a_day(
    serving: Serving, sandbox: Sandbox, recorder: Recorder, days: float, expected: int
) -> None:
    async with serving(app_factory=lambda: sandbox.app) as session:
        ref = await begun(session)
        session.clock.at += TRAINING_SECONDS
        row = await session.studio.ledger.find(ref, session.clock.at)
        assert row is not None
        # As after the check of a program that died before it returned its result.
        await session.studio.tracker.check(row)
        session.clock.at += days * DAY
    async with serving(notifier=recorder, app_factory=lambda: sandbox.app) as later:
        await until_idle(later)
    assert len(recorder.ended) == expected


async def test_a_training_that_never_ends_is_followed_for_a_day_and_then_checked_once_by_each_program(
    serving: Serving, sandbox: Sandbox, recorder: Recorder
) -> None:
    sandbox.training_seconds = 1e9
    async with serving(notifier=recorder, app_factory=lambda: sandbox.app) as session:
        await begun(session)
        await next_round(session, DAY - 10)
        await session.clock.until_sleepers(1)
        await next_round(session)
        await until_idle(session)
        assert checks(sandbox) == 1
    async with serving(notifier=recorder, app_factory=lambda: sandbox.app) as later:
        await until_idle(later)
        later.clock.at += 7 * DAY
    assert checks(sandbox) == 1
    async with serving(notifier=recorder, app_factory=lambda: sandbox.app) as later:
        await until_idle(later)
    assert checks(sandbox) == 1


async def test_an_imported_training_is_not_followed(
    serving: Serving, sandbox: Sandbox, recorder: Recorder
) -> None:
    async with serving(app_factory=lambda: sandbox.app) as session:
        await begun(session)
        task_id = (await session.ask("list_trainings")).facts["trainings"][0]["task_id"]
    async with serving(
        notifier=recorder,
        app_factory=lambda: sandbox.app,
        ledger_path=session.studio.ledger.path.with_name("other.sqlite3"),
    ) as other:
        imported = await other.ask("resolve_training", ref="Anna", decision="accepted", task_id=task_id)
        await until_idle(other)
        assert other.clock.sleepers == 0
        assert WILL_NOTIFY not in imported.text


async def test_a_forgotten_training_is_not_notified(serving: Serving, recorder: Recorder) -> None:
    async with serving(notifier=recorder) as session:
        await begun(session)
        await session.studio.forget("Anna")
        await next_round(session, TRAINING_SECONDS)
        await until_idle(session)
    assert recorder.ended == []


async def test_a_subject_forgotten_just_before_the_notification_is_not_shown(
    serving: Serving, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(notifier=recorder) as session:
        await begun(session)
        record = session.studio.ledger.note_reported

        async def record_and_forget(refs: Sequence[str], now: float) -> Sequence[Submission]:
            recorded = await record(refs, now)
            await session.studio.forget("Anna")
            return recorded

        monkeypatch.setattr(session.studio.ledger, "note_reported", record_and_forget)
        await next_round(session, TRAINING_SECONDS)
        await until_idle(session)
    assert recorder.ended == []


async def test_a_service_that_does_not_respond_is_asked_less_often_and_logged_once(
    serving: Serving, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    gated = Gated("/fetch")

    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        if not gated.open.is_set() and scope["path"].startswith("/fetch"):
            gated.arrived.set()
            await send(
                {
                    "type": "http.response.start",
                    "status": 401,
                    "headers": [(b"content-type", b"application/json")],
                }
            )
            await send({"type": "http.response.body", "body": b'{"msg": "no"}'})
            return
        await session.sandbox.app(scope, receive, send)

    async with serving(notifier=recorder, app_factory=lambda: refuse) as session:
        slept: list[float] = []
        sleep = session.clock.sleep

        async def record(seconds: float) -> None:
            slept.append(seconds)
            await sleep(seconds)

        session.clock.sleep = record  # type: ignore[method-assign]
        await begun(session)
        for _ in range(7):
            await next_round(session, slept[-1])
            await session.clock.until_sleepers(1)
        assert gated.arrived.is_set()
        assert slept == [PAUSE_SECONDS * 2**number for number in range(4)] + [900.0] * 4
        gated.open.set()
        await next_round(session, TRAINING_SECONDS)
        await until_idle(session)
    assert len(recorder.ended) == 1
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert ["cannot be followed" in record.getMessage() for record in warnings] == [True]


async def test_a_trigger_word_that_comes_late_is_waited_for(serving: Serving, recorder: Recorder) -> None:
    async with serving(api="v2", notifier=recorder, behaviour=Behaviour(late_trigger_word=True)) as session:
        await begun(session)
        await next_round(session, TRAINING_SECONDS)
        await session.clock.until_sleepers(1)
        assert recorder.ended == []
        await next_round(session)
        await until_idle(session)
    assert recorder.words[0][1]


async def test_a_training_that_is_accepted_after_its_call_returned_is_followed(
    serving: Serving, recorder: Recorder
) -> None:
    accepted = anyio.Event()

    async def accept_later(scope: Any, receive: Any, send: Any) -> None:
        async def send_later(message: Any) -> None:
            if (scope["method"], scope["path"]) == ("POST", "/v2/loras"):
                await accepted.wait()
            await send(message)

        await session.sandbox.app(scope, receive, send_later)

    async def end_the_call(progress: float, total: float | None, message: str | None) -> None:
        del progress, total, message
        session.clock.at += 41

    async with serving(api="v2", notifier=recorder, app_factory=lambda: accept_later) as session:
        arguments = {"training_images_id": await keep_set(session)}
        with anyio.fail_after(60):
            sent = await session.client.call_tool("start_training", arguments, progress_callback=end_the_call)
        assert (sent.structured_content or {})["status"] == "submitting"
        assert session.clock.sleepers == 0
        accepted.set()
        await session.clock.until_sleepers(1)
        await next_round(session, TRAINING_SECONDS)
        await until_idle(session)
    assert len(recorder.ended) == 1
