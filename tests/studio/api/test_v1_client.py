"""The calls of the v1 client."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.api.errors import (
    ApiframeError,
    AuthenticationFailed,
    InsufficientCredits,
    InvalidBaseUrl,
    InvalidKey,
    NotFound,
    OutcomeUnknown,
    OutcomeUnknownReason,
    Refused,
)
from apiframe_studio.api.keys import KeyProblem
from apiframe_studio.api.provider import Account, TaskState, TaskStatus, TrainingCall, check_status
from apiframe_studio.api.v1.client import ApiframeV1

from .conftest import Service


def batch(body: dict[str, Any]) -> object:
    """Respond to fetch-many as documented."""
    return {"tasks": [{"task_id": task_id, "status": "processing"} for task_id in body["task_ids"]]}


def single(body: dict[str, Any]) -> object:
    """Respond to fetch as documented, except for an unknown id."""
    if body["task_id"] == "unknown":
        return (404, {"errors": [{"msg": "TaskStatus not found"}]})
    return {"task_id": body["task_id"], "status": "finished"}


async def test_a_training_request_has_only_given_fields(api: ApiframeV1, service: Service) -> None:
    service.answers["/ai-photo-train"] = {"task_id": "t-1"}
    await api.train(TrainingCall("images-1"))
    await api.train(
        TrainingCall(
            "images-1",
            trigger_word="TOKSIS",
            webhook_url="https://hook.example",
            webhook_secret=SecretStr("s3cret"),
        )
    )
    assert service.asked == [
        ("/ai-photo-train", {"training_images_id": "images-1"}),
        (
            "/ai-photo-train",
            {
                "training_images_id": "images-1",
                "trigger_word": "TOKSIS",
                "webhook_url": "https://hook.example",
                "webhook_secret": "s3cret",
            },
        ),
    ]


@pytest.mark.parametrize(
    ("answer", "task_id"),
    [
        ({"task_id": "t-1"}, "t-1"),
        ({"task_id": 4711}, "4711"),
        (b'\xef\xbb\xbf{"task_id":"t-1","percentage":NaN}', "t-1"),
        ((201, {"task_id": "t-1"}), "t-1"),
    ],
)
async def test_an_accepted_training_has_an_id(
    api: ApiframeV1, service: Service, answer: object, task_id: str
) -> None:
    service.answers["/ai-photo-train"] = answer
    accepted = await api.train(TrainingCall("images-1"))
    assert accepted.task_id == task_id


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((402, {"error": "Not enough credits"}), InsufficientCredits),
        ((401, {}), AuthenticationFailed),
        ((400, {"errors": [{"msg": "Invalid request"}]}), Refused),
        ((500, {}), OutcomeUnknown),
        ({"task_id": None, "error": "hm"}, OutcomeUnknown),
        ({"task_id": "with spaces in it"}, OutcomeUnknown),
        ([], OutcomeUnknown),
    ],
)
async def test_a_paid_request_is_never_repeated_after_any_response(
    api: ApiframeV1, service: Service, answer: object, error: type[ApiframeError]
) -> None:
    service.answers["/ai-photo-train"] = answer
    with pytest.raises(error):
        await api.train(TrainingCall("images-1"))
    assert len(service.asked) == 1


async def test_a_success_without_an_id_keeps_the_response_as_evidence(
    api: ApiframeV1, service: Service
) -> None:
    service.answers["/ai-photo-train"] = {"message": "Started!"}
    with pytest.raises(OutcomeUnknown) as caught:
        await api.train(TrainingCall("images-1"))
    assert caught.value.reason is OutcomeUnknownReason.NO_TASK_ID
    assert caught.value.message == "Started!"
    assert '{"message": "Started!"}' in caught.value.excerpt


async def test_an_exception_in_an_embedded_app_is_a_response_of_500(service: Service) -> None:
    def stumble(_body: object) -> object:
        raise ZeroDivisionError

    service.answers["/ai-photo-train"] = stumble
    with pytest.raises(OutcomeUnknown) as caught:
        await ApiframeV1(key=SecretStr("key"), app=service).train(TrainingCall("images-1"))
    assert caught.value.reason is OutcomeUnknownReason.SERVER_ERROR


async def test_a_task_is_fetched_by_its_id(api: ApiframeV1, service: Service) -> None:
    service.answers["/fetch"] = single
    assert await api.fetch("t-1") == TaskStatus(
        task_id="t-1", state=TaskState.FINISHED, raw_status="finished"
    )
    assert service.asked == [("/fetch", {"task_id": "t-1"})]


async def test_the_account_is_read(api: ApiframeV1, service: Service) -> None:
    service.answers["/account"] = {
        "email": "a@b.example",
        "credits": 12000,
        "total_images": 695,
        "plan": "starter",
    }
    assert await api.account() == Account(12000, "starter")
    assert service.asked == [("/account", None)]


@pytest.mark.parametrize("count", [0, 1, 21])
async def test_a_batch_has_2_to_20_ids(api: ApiframeV1, service: Service, count: int) -> None:
    with pytest.raises(ValueError, match="2 to 20"):
        await api.fetch_many([f"t-{number}" for number in range(count)])
    assert service.asked == []


async def test_a_batch_is_one_request(api: ApiframeV1, service: Service) -> None:
    service.answers["/fetch-many"] = batch
    outcomes = await api.fetch_many(["a", "b", "b"])
    assert set(outcomes) == {"a", "b"}
    assert service.asked == [("/fetch-many", {"task_ids": ["a", "b"]})]


@pytest.mark.parametrize("status", [400, 404, 405, 422])
async def test_a_rejected_batch_is_fetched_one_by_one(api: ApiframeV1, service: Service, status: int) -> None:
    service.answers |= {"/fetch-many": (status, {}), "/fetch": single}
    outcomes = await api.fetch_many(["a", "unknown", "c"])
    assert {task_id: type(outcome) for task_id, outcome in outcomes.items()} == {
        "a": TaskStatus,
        "unknown": NotFound,
        "c": TaskStatus,
    }
    assert sorted(service.paths) == ["/fetch", "/fetch", "/fetch", "/fetch-many"]


async def test_ids_with_an_unclear_batch_response_are_fetched_one_by_one(
    api: ApiframeV1, service: Service
) -> None:
    service.answers |= {
        "/fetch-many": {"tasks": [{"task_id": "a", "status": "failed"}, {}]},
        "/fetch": single,
    }
    outcomes = await api.fetch_many(["a", "b", "unknown"])
    assert {task_id: type(outcome) for task_id, outcome in outcomes.items()} == {
        "a": TaskStatus,
        "b": TaskStatus,
        "unknown": NotFound,
    }
    assert service.paths == ["/fetch-many", "/fetch", "/fetch"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthenticationFailed),
        (403, AuthenticationFailed),
        (402, InsufficientCredits),
        (500, OutcomeUnknown),
    ],
)
async def test_a_batch_is_not_split_if_no_id_is_the_reason(
    api: ApiframeV1, service: Service, status: int, error: type[ApiframeError]
) -> None:
    service.answers["/fetch-many"] = (status, {})
    with pytest.raises(error):
        await api.fetch_many(["a", "b"])
    assert "/fetch" not in service.paths


async def test_concurrent_status_checks_share_requests(api: ApiframeV1, service: Service) -> None:
    service.answers |= {"/fetch-many": batch, "/fetch": single}
    seen: dict[str, str | None] = {}

    async def look(task_id: str) -> None:
        seen[task_id] = (await check_status(api, None, task_id)).task_id

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(look, f"t-{number}")
    assert seen == {f"t-{number}": f"t-{number}" for number in range(100)}
    assert len(service.asked) <= 10


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (None, KeyProblem.MISSING),
        (SecretStr(""), KeyProblem.MISSING),
        (SecretStr("${APIFRAME_API_KEY}"), KeyProblem.PLACEHOLDER),
        (SecretStr("two words"), KeyProblem.MALFORMED),
    ],
)
async def test_an_unusable_key_is_reported_before_anything_is_sent(
    service: Service, key: SecretStr | None, problem: KeyProblem
) -> None:
    api = ApiframeV1(key=key, app=service)
    for call in (
        api.train(TrainingCall("images-1")),
        api.fetch("t-1"),
        check_status(api, None, "t-1"),
        api.account(),
    ):
        with pytest.raises(InvalidKey) as caught:
            await call
        assert caught.value.reason is problem
    assert service.asked == []


def test_a_client_that_sends_the_key_unencrypted_is_built_only_if_allowed() -> None:
    abroad = "http://api.apiframe.pro"
    with pytest.raises(InvalidBaseUrl):
        ApiframeV1(key=SecretStr("key"), base_url=abroad)
    assert ApiframeV1(key=SecretStr("key"), base_url=abroad, allow_http=True)


def test_no_client_is_built_for_an_unusable_base_url() -> None:
    with pytest.raises(InvalidBaseUrl):
        ApiframeV1(key=SecretStr("key"), base_url="api.apiframe.pro")
