"""The contract of `/ai-photo-train` and of the training that `/fetch` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Service

pytestmark = pytest.mark.usefixtures("spending")

RUNNING = {"pending", "staged", "starting", "processing", "retry", "retrying"}


async def test_a_training_returns_only_its_id(service: Service) -> None:
    response = await service.post(
        "/ai-photo-train", {"training_images_id": service.photos}
    )  # [D] {"task_id"}
    assert response.status_code == 200
    assert list(response.json()) == ["task_id"]


async def test_two_trainings_on_one_photo_set_have_different_ids(service: Service) -> None:
    assert await service.train() != await service.train()  # [D] there is no idempotency key


async def test_a_running_training_has_its_percentage_as_a_string(service: Service) -> None:
    task_id = await service.train()
    task = await service.fetch(task_id)
    assert task["task_id"] == task_id
    assert task["status"] in RUNNING  # [D]
    assert isinstance(task["percentage"], str)  # [D] "40"
    assert task["message"] == "Training is in progress"  # [D]
    assert "trigger_word" not in task  # [D]


@pytest.mark.usefixtures("sandbox_only")
async def test_the_documented_example_of_a_running_training(service: Service) -> None:
    task_id = await service.train()
    await service.advance(8)
    assert await service.fetch(task_id) == {
        "task_id": task_id,
        "status": "processing",
        "message": "Training is in progress",
        "percentage": "40",
    }  # [D], after 8 of the sandbox's 20 seconds


@pytest.mark.usefixtures("sandbox_only")
async def test_the_documented_example_of_a_finished_training(service: Service) -> None:
    task_id = await service.train(trigger_word="TOKIKD")
    assert await after(service, task_id, 20) == {
        "task_id": task_id,
        "status": "finished",
        "message": "Training finished, you can generate photos now!",
        "percentage": 100,
        "trigger_word": "TOKIKD",
    }  # [D]; the number 100, where a running training has a string


@pytest.mark.usefixtures("sandbox_only")
async def test_a_training_passes_through_the_documented_statuses_in_order(service: Service) -> None:
    task_id = await service.train()
    seen = [(await service.fetch(task_id))["status"]]
    seen += [(await after(service, task_id, 0.25))["status"] for _ in range(100)]
    order = list(dict.fromkeys(seen))
    assert order == [
        "pending",
        "staged",
        "starting",
        "processing",
        "finished",
    ]  # [D] the statuses; the order is [?]


@pytest.mark.usefixtures("sandbox_only")
async def test_the_percentage_never_decreases(service: Service) -> None:
    task_id = await service.train()
    seen = [int((await after(service, task_id, 0.5))["percentage"]) for _ in range(50)]
    assert seen == sorted(seen)
    assert seen[-1] == 100


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize("fields", [{}, {"trigger_word": ""}, {"trigger_word": None}], ids=repr)
async def test_without_a_trigger_word_the_service_chooses_one_other_than_the_documented_default(
    service: Service, fields: dict[str, object]
) -> None:
    finished = await after(service, await service.train(**fields), 20)
    word = finished["trigger_word"]
    assert word != "TOKMSN"  # [D] the documented default, but the example without a word returns TOKIKD
    assert len(word) == 6
    assert word.startswith("TOK")
    assert word.isupper()


@pytest.mark.usefixtures("sandbox_only")
async def test_a_chosen_trigger_word_is_stable_and_differs_between_trainings(service: Service) -> None:
    one, other = await service.train(), await service.train()
    first = (await after(service, one, 20))["trigger_word"]
    assert (await after(service, one, 1000))["trigger_word"] == first
    assert (await service.fetch(other))["trigger_word"] != first


@pytest.mark.usefixtures("sandbox_only")
async def test_a_training_on_bad_photos_fails_at_50_percent(service: Service) -> None:
    service.photos = "sandbox-bad-photos"
    task_id = await service.train()
    assert (await after(service, task_id, 9.9))["status"] == "processing"
    failed = await after(service, task_id, 0.1)
    assert failed["status"] == "failed"  # [D] the status; the rest of the body is [?]
    assert failed["message"]  # [C] clients read `message`
    assert "trigger_word" not in failed
    assert await after(service, task_id, 3600) == failed


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(
    ("photos", "why"), [("sandbox-expired", "expired"), ("no-such-set", "training_images_id not found")]
)
async def test_a_photo_set_that_is_expired_or_unknown_is_a_bad_request_and_free(
    service: Service, photos: str, why: str
) -> None:
    response = await service.post("/ai-photo-train", {"training_images_id": photos})
    assert response.status_code == 400
    assert why in response.json()["errors"][0]["msg"]
    assert (await service.get("/account")).json()["credits"] == 12_000


@pytest.mark.usefixtures("sandbox_only")
async def test_a_training_is_not_accepted_as_a_photo_set(service: Service) -> None:
    response = await service.post("/ai-photo-train", {"training_images_id": await service.train()})
    assert response.status_code == 400


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize(
    "fields",
    [
        {"trigger_word": 5},
        {"trigger_word": ["TOKIKD"]},
        {"webhook_url": "not a url"},
        {"webhook_url": "http://[::1"},
        {"webhook_url": "http://127.0.0.1:99999/"},
        {"webhook_url": "file:///etc/passwd"},
        {"webhook_secret": {}},
    ],
    ids=repr,
)
async def test_an_invalid_optional_field_is_a_bad_request_that_names_it(
    service: Service, fields: dict[str, object]
) -> None:
    response = await service.post("/ai-photo-train", {"training_images_id": service.photos, **fields})
    assert response.status_code == 400
    assert next(iter(fields)) in response.json()["errors"][0]["msg"]


async def test_an_unknown_field_is_ignored(service: Service) -> None:
    assert await service.train(unknown="value")


async def after(service: Service, task_id: str, seconds: float) -> dict[str, Any]:
    await service.advance(seconds)
    return await service.fetch(task_id)
