"""The contract of `/fetch`, `/fetch-many` and `/account`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Service

PHOTO_SETS = ("sandbox-person", "sandbox-expired", "sandbox-bad-photos")


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize("photos", PHOTO_SETS)
async def test_a_ready_photo_set_is_a_finished_upload(service: Service, photos: str) -> None:
    task = await service.fetch(photos)
    assert task | {"expires_at": ""} == {
        "task_id": photos,
        "status": "finished",
        "message": "Images ready for training",
        "expires_at": "",
    }  # [D]


@pytest.mark.usefixtures("sandbox_only")
async def test_an_expiry_has_the_documented_form(service: Service) -> None:
    task = await service.fetch("sandbox-expired")
    assert task["expires_at"] == "2025-02-21T05:48:46.599Z"  # [D] the example in the documentation


@pytest.mark.usefixtures("sandbox_only")
async def test_an_unknown_task_is_not_found(service: Service) -> None:
    response = await service.post("/fetch", {"task_id": "no-such-task"})  # [?] not documented
    assert (response.status_code, response.json()) == (404, {"errors": [{"msg": "Task not found"}]})


@pytest.mark.usefixtures("spending")
async def test_fetch_many_returns_all_tasks(service: Service) -> None:
    ids = [await service.train() for _ in range(2)]
    response = await service.post("/fetch-many", {"task_ids": ids})  # [D] {"tasks":[…]}
    assert response.status_code == 200
    assert list(response.json()) == ["tasks"]
    assert {task["task_id"] for task in response.json()["tasks"]} == set(ids)


@pytest.mark.usefixtures("sandbox_only")
async def test_fetch_many_keeps_the_order_of_twenty_tasks(service: Service) -> None:
    ids = [await service.train() for _ in range(20)]
    response = await service.post("/fetch-many", {"task_ids": ids})
    assert response.json()["tasks"] == [await service.fetch(task_id) for task_id in ids]


@pytest.mark.usefixtures("sandbox_only")
async def test_fetch_many_leaves_out_an_unknown_task(service: Service) -> None:
    known = await service.train()
    response = await service.post("/fetch-many", {"task_ids": ["no-such-task", known]})  # [?]
    assert [task["task_id"] for task in response.json()["tasks"]] == [known]


@pytest.mark.parametrize("count", [0, 1, 21])
async def test_fetch_many_accepts_only_2_to_20_tasks(service: Service, count: int) -> None:
    response = await service.post("/fetch-many", {"task_ids": ["an-id"] * count})  # [D] 2 to 20
    assert response.status_code == 400
    assert response.json()["errors"][0]["msg"]


async def test_the_account_has_email_credits_images_and_plan(service: Service) -> None:
    account = (await service.get("/account")).json()
    assert set(account) >= {"email", "credits", "total_images", "plan"}  # [D]
    assert isinstance(account["credits"], int)
    assert isinstance(account["total_images"], int)


@pytest.mark.usefixtures("sandbox_only")
async def test_a_training_costs_four_credits_per_photo(service: Service) -> None:
    await service.train()
    account = (await service.get("/account")).json()
    assert account["credits"] == 12_000 - 4 * 12  # [D]


@pytest.mark.usefixtures("sandbox_only")
async def test_status_checks_are_free(service: Service) -> None:
    task_id = await service.train()
    for _ in range(3):
        await service.fetch(task_id)
    assert (await service.get("/account")).json()["credits"] == 12_000 - 4 * 12
