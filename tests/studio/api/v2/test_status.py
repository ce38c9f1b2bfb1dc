"""Checking trainings and jobs: few requests, each id with its own outcome, nothing of the rest of the team."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
import pytest

from apiframe_studio.api.errors import ApiframeError, AuthenticationFailed, NotFound, is_unknown_task
from apiframe_studio.api.http import fetch_batcher
from apiframe_studio.api.provider import Account, Kind, TaskStatus, check_status
from apiframe_studio.api.v2.client import ApiframeV2

from .conftest import TEAM, USER, Request, Service, job, lora, me, task_id

LIST = "GET /v2/loras"


def listing(*rows: object, cursor: str | None = None) -> dict[str, object]:
    return {"items": list(rows), "nextCursor": cursor}


def ids_of(outcomes: Mapping[str, TaskStatus | ApiframeError]) -> list[str]:
    return [one for one, outcome in outcomes.items() if isinstance(outcome, TaskStatus)]


async def test_one_training_is_one_request_for_it(api: ApiframeV2, service: Service) -> None:
    service.answers[f"GET /v2/loras/{task_id(1)}"] = lora(1, status="READY", triggerWord="TORKPN")
    status = await check_status(api, Kind.TRAINING, task_id(1))
    assert (status.task_id, status.trigger_word) == (task_id(1), "TORKPN")
    assert len(service.requests) == 1


@pytest.mark.parametrize("together", [True, False])
async def test_a_hundred_trainings_are_one_request_of_one_caller_and_two_of_many(
    api: ApiframeV2, service: Service, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_batcher, "BATCH_WINDOW_SECONDS", 60.0)  # Not to depend on a slow machine.
    ids = [task_id(number) for number in range(100)]
    rows = [lora(number, userId=USER) for number in range(100)]
    service.answers[LIST] = listing(*reversed(rows))
    service.answers[f"GET /v2/loras/{ids[0]}"] = rows[0]
    checked: dict[str, TaskStatus | ApiframeError] = {}

    async def check(one: str) -> None:
        checked[one] = await check_status(api, Kind.TRAINING, one)

    with anyio.fail_after(60):
        if together:
            checked.update(await api.status(Kind.TRAINING, ids))
        else:
            async with anyio.create_task_group() as group:
                for one in ids:
                    group.start_soon(check, one)
    assert {one: status.task_id for one, status in checked.items() if isinstance(status, TaskStatus)} == {
        one: one for one in ids
    }
    assert len(service.requests) == (1 if together else 2)
    assert dict(service.requests[-1].query) == {"limit": "100", "includeArchived": "true"}


async def test_a_training_that_the_list_lacks_is_fetched_by_itself(api: ApiframeV2, service: Service) -> None:
    ids = [task_id(number) for number in range(4)]
    service.answers[LIST] = listing(lora(1), lora(2), lora(77))
    service.answers[f"GET /v2/loras/{ids[0]}"] = lora(0)
    service.answers[f"GET /v2/loras/{ids[3]}"] = (400, {"error": "Invalid id"})
    outcomes = await api.fetch_trainings(ids)
    assert sorted(ids_of(outcomes)) == ids[:3]
    unknown = outcomes[ids[3]]
    assert isinstance(unknown, ApiframeError)
    assert is_unknown_task(unknown)
    assert set(outcomes) == set(ids), "a row of another member is never shown"
    assert service.paths == [LIST, f"GET /v2/loras/{ids[0]}", f"GET /v2/loras/{ids[3]}"]


async def test_a_second_page_is_read_for_several_trainings_and_no_third(
    api: ApiframeV2, service: Service
) -> None:
    pages = {
        "": listing(lora(50), cursor="next/1"),
        "next/1": listing(lora(1), cursor="next/2"),
        "next/2": listing(lora(2)),
    }
    service.answers[LIST] = lambda request: pages[request.query.get("cursor", "")]
    for number in (2, 3):
        service.answers[f"GET /v2/loras/{task_id(number)}"] = lora(number)
    outcomes = await api.fetch_trainings([task_id(number) for number in (1, 2, 3)])
    assert len(ids_of(outcomes)) == 3
    assert [request.query.get("cursor") for request in service.requests if request.path == "/v2/loras"] == [
        None,
        "next/1",
    ]


async def test_a_single_training_that_a_page_lacks_is_not_worth_another_page(
    api: ApiframeV2, service: Service
) -> None:
    service.answers[LIST] = listing(lora(1), cursor="next/1")
    service.answers[f"GET /v2/loras/{task_id(2)}"] = lora(2)
    assert len(ids_of(await api.fetch_trainings([task_id(1), task_id(2)]))) == 2
    assert service.paths == [LIST, f"GET /v2/loras/{task_id(2)}"]


@pytest.mark.parametrize(
    "answer", [(400, {"error": "Invalid query"}), {}, {"items": 7}, {"items": [7, None]}, listing()]
)
async def test_a_list_that_shows_nothing_is_made_up_for(
    api: ApiframeV2, service: Service, answer: object
) -> None:
    service.answers[LIST] = answer
    for number in (1, 2):
        service.answers[f"GET /v2/loras/{task_id(number)}"] = lora(number)
    assert len(ids_of(await api.fetch_trainings([task_id(1), task_id(2)]))) == 2


async def test_a_refused_key_is_the_outcome_of_every_training(api: ApiframeV2, service: Service) -> None:
    refused = (403, {"error": "API key is inactive"})
    service.answers |= {LIST: refused, f"GET /v2/loras/{task_id(1)}": refused}
    outcomes = await api.status(Kind.TRAINING, [task_id(1), task_id(2), task_id(3)])
    assert {type(outcome) for outcome in outcomes.values()} == {AuthenticationFailed}


async def test_an_id_of_unknown_kind_is_a_training_or_a_job(api: ApiframeV2, service: Service) -> None:
    service.answers[f"GET /v2/loras/{task_id(1)}"] = lora(1)
    service.answers[f"GET /v2/jobs/{task_id(2)}"] = job(2)
    outcomes = await api.status(None, [task_id(number) for number in (1, 2, 3)])
    kinds = {
        one: outcome.kind if isinstance(outcome, TaskStatus) else type(outcome)
        for one, outcome in outcomes.items()
    }
    assert kinds == {task_id(1): Kind.TRAINING, task_id(2): Kind.GENERATION, task_id(3): NotFound}


@pytest.mark.parametrize("kind", [Kind.TRAINING, Kind.GENERATION, Kind.UPLOAD, None])
async def test_a_text_that_cannot_be_an_id_is_unknown_and_not_sent(
    api: ApiframeV2, service: Service, kind: Kind | None
) -> None:
    for text in ("..", "a/../../v2/me", "ünïcode-id", "x" * 200, "", "id?limit=1&a=b"):
        with pytest.raises(NotFound):
            await check_status(api, kind, text)
    assert service.requests == []


async def test_uploads_are_unknown_to_v2(api: ApiframeV2, service: Service) -> None:
    assert isinstance((await api.status(Kind.UPLOAD, [task_id(1)]))[task_id(1)], NotFound)
    assert service.requests == []


async def test_the_account_is_that_of_the_team(api: ApiframeV2, service: Service) -> None:
    service.answers["GET /v2/me"] = me(credits=258)
    assert await api.account() == Account(258, "pro", USER, TEAM)


async def test_a_status_check_is_retried_and_a_refusal_is_not(api: ApiframeV2, service: Service) -> None:
    answers = [(503, {"error": "outage"}), lora(1)]
    service.answers[f"GET /v2/loras/{task_id(1)}"] = lambda _: answers.pop(0)
    assert (await check_status(api, Kind.TRAINING, task_id(1))).task_id == task_id(1)
    assert len(service.requests) == 2

    def check(request: Request) -> object:
        assert request.headers["x-api-key"]
        return (404, {"error": "LoRA not found"})

    service.answers[f"GET /v2/loras/{task_id(1)}"] = check
    with pytest.raises(NotFound) as caught:
        await check_status(api, Kind.TRAINING, task_id(1))
    assert caught.value.message == "LoRA not found"
    assert len(service.requests) == 3
