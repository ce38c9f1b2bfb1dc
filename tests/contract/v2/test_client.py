"""The client of v2 with the sandbox: both were written from the contract, independently of each other.

Its exchanges are validated by `make contract` too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import anyio
import pytest
import stamina
from PIL import Image
from pydantic import SecretStr

from apiframe_studio.api.errors import (
    AuthenticationFailed,
    Conflict,
    InsufficientCredits,
    NotFound,
    OutcomeUnknown,
    Refused,
    TooManyTrainings,
)
from apiframe_studio.api.provider import (
    Deleted,
    ImageCall,
    Kind,
    Marker,
    NotNow,
    TaskState,
    TrainingCall,
    check_status,
)
from apiframe_studio.api.v2.client import ApiframeV2
from apiframe_studio.sandbox import SANDBOX_URL, SANDBOX_V2_KEY, Sandbox
from apiframe_studio.sandbox.server import serve
from apiframe_studio.sandbox.v2.behaviour import Behaviour
from apiframe_studio.sandbox.v2.callers import OTHER_TEAM_KEY, REVOKED_KEY, TEAM_MATE_KEY, WRONG_KEY
from conformance.exchanges import ExchangeLog, deliberately_invalid

START = 1_790_000_000.0
CREDITS = 12_000
TRAINING, GENERATION = 20.0, 10.0
PHOTO = b"\xff\xd8\xff" + bytes(100)
CALL = TrainingCall(
    photos=[PHOTO] * 15, gender="non-binary", ethnicity="Mixed", marker=Marker("tr-4k7m2p9", "k3fa", 1)
)


def connect(sandbox: Sandbox, key: str = SANDBOX_V2_KEY) -> ApiframeV2:
    return ApiframeV2(key=SecretStr(key), base_url=SANDBOX_URL, app=ExchangeLog(sandbox.app))


def build_sandbox(**behaviour: Any) -> Sandbox:
    return Sandbox(
        api="v2",
        clock=lambda: START,
        training_seconds=TRAINING,
        generation_seconds=GENERATION,
        behaviour=Behaviour(**behaviour),
    )


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = build_sandbox()
    with stamina.set_testing(True, attempts=3):
        yield made
    made.close()


async def train(api: ApiframeV2, call: TrainingCall = CALL) -> str:
    accepted = await api.train(call, deadline_seconds=60)
    assert accepted.task_id
    return accepted.task_id


async def train_to_the_end(sandbox: Sandbox, api: ApiframeV2) -> str:
    training_id = await train(api)
    await sandbox.advance(TRAINING)
    return training_id


def images(training_id: str, **changes: Any) -> ImageCall:
    call = ImageCall(
        training_id, "TORKPN by the sea", number_of_images=2, aspect_ratio="3:4", idempotency_key="apm-1"
    )
    return replace(call, **changes)


async def test_the_whole_job_over_a_real_port() -> None:
    sandbox = build_sandbox()
    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:

            async def listen(*, task_status: anyio.abc.TaskStatus[str]) -> None:
                await serve(sandbox=sandbox, task_status=task_status)

            api = ApiframeV2(key=SecretStr(SANDBOX_V2_KEY), base_url=await group.start(listen))
            training_id = await train(api)
            states = [(await check_status(api, Kind.TRAINING, training_id)).raw_status]
            for _ in range(4):
                await sandbox.advance(TRAINING / 4)
                states.append((await check_status(api, Kind.TRAINING, training_id)).raw_status)
            ready = await check_status(api, Kind.TRAINING, training_id)
            accepted = await api.generate(
                images(training_id, prompt=f"{ready.trigger_word} by the sea"), deadline_seconds=60
            )
            await sandbox.advance(GENERATION)
            made = await check_status(api, Kind.GENERATION, accepted.task_id or "")
            files = [
                await api.download(url, hosts=[], deadline_seconds=60, max_bytes=10_000_000)
                for url in made.image_urls
            ]
            account = await api.account()
            assert await api.delete(training_id) == Deleted()
            archived = await check_status(api, Kind.TRAINING, training_id)
            await api.aclose()
            group.cancel_scope.cancel()
    sandbox.close()
    assert (states[0], states[-1]) == ("PENDING", "READY")
    assert ready.trigger_word
    assert [Image.open(BytesIO(file.data)).size for file in files] == [(880, 1184)] * 2
    assert account.credits == CREDITS - 257 - 2 * 2
    assert archived.is_archived


async def test_each_answer_to_a_bad_request_is_a_refusal(sandbox: Sandbox) -> None:
    api = connect(sandbox)
    for call in (
        replace(CALL, photos=[PHOTO] * 14),
        replace(CALL, photos=[PHOTO] * 31),
        replace(CALL, photos=[b"not an image"] * 15),
        replace(CALL, gender=None),
        replace(CALL, ethnicity="x" * 41),
    ):
        with deliberately_invalid(), pytest.raises(Refused) as caught:
            await train(api, call)
        assert caught.value.status == 400
        assert caught.value.message
    for key in (WRONG_KEY, REVOKED_KEY):
        with pytest.raises(AuthenticationFailed):
            await train(connect(sandbox, key))
    with pytest.raises(Refused):
        await api.generate(images("00000000-0000-4000-8000-000000000001"), deadline_seconds=60)
    assert (await api.account()).credits == CREDITS


async def test_missing_credits_are_reported_with_both_numbers() -> None:
    sandbox = Sandbox(api="v2", clock=lambda: START, start_credits=1)
    with pytest.raises(InsufficientCredits) as caught:
        await train(connect(sandbox))
    assert (caught.value.required, caught.value.available) == (2, 1)


async def test_the_cap_of_the_team_is_known_by_its_text_and_seen_in_the_list(sandbox: Sandbox) -> None:
    api = connect(sandbox)
    for _ in range(10):
        await train(api)
    with pytest.raises(TooManyTrainings):
        await train(api)
    assert (await api.find(CALL, START)).trainings_under_way == 10


@pytest.mark.parametrize("row", ["with_row", "without_row", "with_failed_row"])
async def test_what_a_503_left_behind_is_found(row: str) -> None:
    sandbox = build_sandbox(create_unavailable=row)
    api = connect(sandbox)
    with pytest.raises(OutcomeUnknown):
        await train(api)
    found = await api.find(CALL, START)
    assert found.is_complete
    assert len(found.found) == (row != "without_row")
    if row == "with_failed_row":
        assert found.found[0].state is TaskState.FAILED
    other = await api.find(replace(CALL, marker=Marker("tr-4k7m2p9", "k3fa", 2)), START)
    assert (len(other.found), len(other.other_attempts)) == (0, len(found.found))


async def test_a_late_row_is_found_once_it_is_there() -> None:
    sandbox = build_sandbox(hidden_seconds=60)
    api = connect(sandbox)
    training_id = await train(api)
    early = await api.find(CALL, START)
    assert (early.is_complete, early.found) == (True, ())
    with pytest.raises(NotFound):
        await check_status(api, Kind.TRAINING, training_id)
    await sandbox.advance(60)
    assert [status.task_id for status in (await api.find(CALL, START)).found] == [training_id]


async def test_an_upload_without_its_end_leaves_nothing_behind(sandbox: Sandbox) -> None:
    api = connect(sandbox)

    async def refuse() -> None:
        raise RuntimeError("the ledger is read-only")

    with pytest.raises((RuntimeError, OutcomeUnknown)):
        await api.train(CALL, deadline_seconds=60, before_last_part=refuse)
    found = await api.find(CALL, START)
    assert (found.is_complete, found.found) == (True, ())
    assert (await api.account()).credits == CREDITS


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["repeated_cursor", "second_page_fails"])
async def test_a_broken_list_proves_no_absence(fault: str) -> None:
    sandbox = build_sandbox(list_fault=fault)
    api = connect(sandbox)
    with stamina.set_testing(True, attempts=3):
        for _ in range(102):
            await train(api)
            await sandbox.advance(TRAINING)
        missing = replace(CALL, marker=Marker("tr-0000000", "k3fa", 1))
        assert not (await api.find(missing, START)).is_complete


async def test_trainings_of_team_mates_are_neither_found_nor_candidates(sandbox: Sandbox) -> None:
    api, mate = connect(sandbox), connect(sandbox, TEAM_MATE_KEY)
    await train(mate, replace(CALL, marker=None))
    own = await train(api, replace(CALL, marker=None))
    found = await api.find(CALL, START)
    assert [status.task_id for status in found.candidates] == [own]
    assert (found.found, found.trainings_under_way) == ((), 2)
    await train(connect(sandbox, OTHER_TEAM_KEY))
    assert (await api.find(CALL, START)).trainings_under_way == 2


async def test_a_late_trigger_word_comes_with_the_next_check() -> None:
    sandbox = build_sandbox(late_trigger_word=True)
    api = connect(sandbox)
    training_id = await train_to_the_end(sandbox, api)
    first = await check_status(api, Kind.TRAINING, training_id)
    assert (first.state, first.trigger_word) == (TaskState.FINISHED, None)
    assert (await check_status(api, Kind.TRAINING, training_id)).trigger_word


async def test_a_failed_training_gives_back_what_the_terms_say() -> None:
    sandbox = build_sandbox(training_fails=True)
    api = connect(sandbox)
    training_id = await train_to_the_end(sandbox, api)
    status = await check_status(api, Kind.TRAINING, training_id)
    assert (status.state, bool(status.message)) == (TaskState.FAILED, True)
    paid = api.terms.max_training_credits() - (api.terms.training_refund or 0)
    assert (await api.account()).credits in (CREDITS, CREDITS - paid)


@pytest.mark.parametrize("shape", ["images", "text", "list"])
async def test_every_shape_of_a_result_has_links_that_lead_to_images(shape: str) -> None:
    sandbox = build_sandbox(result_shape=shape)
    api = connect(sandbox)
    training_id = await train_to_the_end(sandbox, api)
    accepted = await api.generate(images(training_id), deadline_seconds=60)
    await sandbox.advance(GENERATION)
    status = await check_status(api, Kind.GENERATION, accepted.task_id or "")
    assert len(status.image_urls) == (1 if shape == "text" else 2)
    assert not status.is_expired
    await sandbox.advance(30 * 3600)
    assert (await check_status(api, Kind.GENERATION, accepted.task_id or "")).is_expired


async def test_a_repeated_generation_is_the_same_job_and_another_body_a_conflict(sandbox: Sandbox) -> None:
    api = connect(sandbox)
    training_id = await train_to_the_end(sandbox, api)
    first = await api.generate(images(training_id), deadline_seconds=60)
    before = (await api.account()).credits
    assert await api.generate(images(training_id), deadline_seconds=60) == first
    with pytest.raises(Conflict):
        await api.generate(images(training_id, prompt="TORKPN in snow"), deadline_seconds=60)
    assert (await api.account()).credits == before


@pytest.mark.parametrize("job", ["with_job", "without_job"])
async def test_a_generation_that_ended_in_a_503_is_found(job: str) -> None:
    sandbox = build_sandbox(generate_unavailable=job)
    api = connect(sandbox)
    training_id = await train_to_the_end(sandbox, api)
    call = images(training_id, seed=7)
    with pytest.raises(OutcomeUnknown):
        await api.generate(call, deadline_seconds=60)
    found = await api.find(call, START + TRAINING)
    assert (found.is_complete, len(found.found), found.candidates) == (True, int(job == "with_job"), ())


async def test_a_training_under_way_is_not_deleted_and_an_unknown_one_is(sandbox: Sandbox) -> None:
    api = connect(sandbox)
    training_id = await train(api)
    assert await api.delete(training_id) == NotNow()
    await sandbox.advance(TRAINING)
    assert await api.delete(training_id) == Deleted()
    assert await api.delete(training_id) == Deleted()
    assert await api.delete("00000000-0000-4000-8000-000000000001") == Deleted()
    with deliberately_invalid():
        assert await api.delete("lora_8a4d2c") == Deleted(), "not a UUID: 400"
