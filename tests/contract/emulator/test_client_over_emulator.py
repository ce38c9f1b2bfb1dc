"""Our client against the emulator: neither was written from the other."""

from __future__ import annotations

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.api.errors import ApiframeError, AuthenticationFailed, Refused, TooManyTrainings
from apiframe_studio.api.provider import Deleted, ImageCall, Marker, NotNow, TaskState, TrainingCall
from apiframe_studio.api.v2.client import ApiframeV2

from .serving import KEY, Emulator
from .team import Caller, Training

MARKER = Marker("tr-4k7m2p9", "k3fa", 1)


def _call(photo: bytes) -> TrainingCall:
    return TrainingCall(
        photos=[photo] * 15, gender="female", ethnicity="Mixed", age="early 30s", marker=MARKER
    )


async def _train(api: ApiframeV2, photo: bytes) -> str:
    accepted = await api.train(_call(photo))
    assert accepted.task_id is not None
    return accepted.task_id


async def _trained(api: ApiframeV2, photo: bytes) -> str:
    training_id = await _train(api, photo)
    while (await api.fetch_training(training_id)).state is not TaskState.FINISHED:
        pass
    return training_id


async def test_a_training_arrives_as_a_form_with_its_texts_first(
    api: ApiframeV2, emulated: Emulator, jpeg: bytes
) -> None:
    training_id = await _train(api, jpeg)
    [request] = emulated.requests("POST", "/v2/loras")
    texts, files = request.parts()[:5], request.parts()[5:]
    assert {part.name: part.data.decode() for part in texts} == {
        "name": f"AI photos [{MARKER}]",
        "subjectKind": "person",
        "gender": "female",
        "ethnicity": "Mixed",
        "age": "early 30s",
    }
    assert [(part.name, part.filename) for part in files] == [
        ("images", f"{number:02}.jpg") for number in range(1, 16)
    ]
    assert all(part.data == jpeg for part in files)
    assert "idempotency-key" not in request.headers
    assert emulated.service.trainings[training_id].image_count == 15


async def test_the_key_is_in_its_header_only(api: ApiframeV2, emulated: Emulator, jpeg: bytes) -> None:
    await api.account()
    await _train(api, jpeg)
    for request in emulated.received:
        assert request.headers.pop("x-api-key") == KEY
        assert KEY not in f"{request}"


async def test_a_training_is_followed_until_its_trigger_word(
    api: ApiframeV2, emulated: Emulator, jpeg: bytes
) -> None:
    training_id = await _train(api, jpeg)
    shown = [await api.fetch_training(training_id) for _ in range(3)]
    assert [one.state for one in shown] == [
        TaskState.PROCESSING,
        TaskState.PROCESSING,
        TaskState.FINISHED,
    ]
    assert [one.trigger_word for one in shown] == [None, None, "TORKP"]
    assert (await api.account()).credits == emulated.team.credits == 743


async def test_trainings_that_are_asked_for_at_once_come_from_one_list(
    api: ApiframeV2, emulated: Emulator, jpeg: bytes
) -> None:
    ids = [await _train(api, jpeg) for _ in range(3)]
    outcomes = await api.fetch_trainings(ids)
    assert set(outcomes) == set(ids)
    assert not any(isinstance(outcome, ApiframeError) for outcome in outcomes.values())
    assert len([one for one in emulated.received if one.method == "GET"]) == 1


async def test_a_failed_training_has_the_reason_of_the_service(
    api: ApiframeV2, emulated: Emulator, jpeg: bytes
) -> None:
    emulated.service.training_error = "No face was found"
    training_id = await _train(api, jpeg)
    shown = [await api.fetch_training(training_id) for _ in range(3)][-1]
    assert shown.state is TaskState.FAILED
    assert shown.message is not None
    assert "No face was found" in shown.message


async def test_a_training_is_found_by_its_marker_beyond_the_first_page(
    api: ApiframeV2, emulated: Emulator, jpeg: bytes
) -> None:
    training_id = await _train(api, jpeg)
    owner = emulated.service.keys[KEY]
    for _ in range(120):
        other = Training(owner, {"name": "Another"}, 20, emulated.service.now())
        emulated.service.trainings[other.id] = other
    search = await api.find(_call(jpeg), since=1_700_000_000.0)
    assert (search.is_complete, [one.task_id for one in search.found]) == (True, [training_id])


async def test_the_cap_of_the_team_is_named(api: ApiframeV2, jpeg: bytes) -> None:
    for _ in range(10):
        await api.train(_call(jpeg))
    with pytest.raises(TooManyTrainings):
        await api.train(_call(jpeg))


async def test_a_generation_is_replayed_by_its_key_and_its_images_are_fetched(
    api: ApiframeV2, emulated: Emulator, jpeg: bytes
) -> None:
    call = ImageCall(
        await _trained(api, jpeg),
        "TORKP by a window",
        "3:4",
        number_of_images=2,
        seed=7,
        idempotency_key="one",
    )
    first = await api.generate(call, deadline_seconds=20)
    again = await api.generate(call, deadline_seconds=20)
    assert first == again
    assert first.task_id is not None
    shown = [await api.fetch_job(first.task_id) for _ in range(2)]
    assert [one.state for one in shown] == [TaskState.PROCESSING, TaskState.FINISHED]
    assert len(shown[1].image_urls) == 2
    image = await api.download(
        shown[1].image_urls[0], hosts=["127.0.0.1"], deadline_seconds=20, max_bytes=10_000_000
    )
    assert image.media_type == "image/jpeg"
    assert "x-api-key" not in emulated.received[-1].headers
    found = await api.find(call, since=1_700_000_000.0)
    assert [one.task_id for one in found.found] == [first.task_id]


async def test_a_training_is_deleted_once_it_has_ended(
    api: ApiframeV2, emulated: Emulator, jpeg: bytes
) -> None:
    training_id = await _train(api, jpeg)
    assert await api.delete(training_id) == NotNow()
    while (await api.fetch_training(training_id)).state is not TaskState.FINISHED:
        pass
    assert await api.delete(training_id) == Deleted()
    assert emulated.service.trainings[training_id].status == "ARCHIVED"
    assert (await api.fetch_training(training_id)).is_archived
    assert await api.delete("lora_of_another_team") == Deleted()


async def test_a_team_that_cannot_pay_is_refused(api: ApiframeV2, emulated: Emulator, jpeg: bytes) -> None:
    emulated.team.credits = 1
    with pytest.raises(Refused, match="Insufficient credits"):
        await api.train(_call(jpeg))


async def test_a_wrong_key_is_reported(emulated: Emulator) -> None:
    emulated.service.keys["afk_revoked"] = Caller(emulated.team, is_active=False)
    for key, words in (("afk_wrong", "Invalid API key"), ("afk_revoked", "API key is inactive")):
        client = ApiframeV2(key=SecretStr(key), base_url=emulated.base_url)
        with pytest.raises(AuthenticationFailed, match=words):
            await client.account()
        await client.aclose()


async def test_a_request_waits_as_long_as_the_service_asks(api: ApiframeV2, emulated: Emulator) -> None:
    emulated.service.busy_seconds = 0
    with anyio.fail_after(20):
        assert (await api.account()).credits == 1000
    assert len(emulated.received) == 2
