"""Generating images: the closed JSON body, the idempotency key, and the job that comes of it."""

from __future__ import annotations

import pytest

from apiframe_studio.api.errors import Conflict, InsufficientCredits, OutcomeUnknown, RateLimited
from apiframe_studio.api.provider import Accepted, ImageCall, Kind, TaskState, check_status
from apiframe_studio.api.v2.client import ApiframeV2

from .conftest import Service, job, task_id

ACCEPTED = (202, {"jobId": task_id(5), "status": "QUEUED"})
CALL = ImageCall(
    task_id(1),
    "TORKPN as an astronaut in Zürich",
    aspect_ratio="3:4",
    number_of_images=2,
    seed=-7,
    idempotency_key="apm-k3fa-ge-4k7m2p9-1",
)


async def test_a_request_has_only_documented_and_given_fields(api: ApiframeV2, service: Service) -> None:
    service.answers["POST /v2/images/generate"] = ACCEPTED
    assert await api.generate(CALL, deadline_seconds=60) == Accepted(task_id(5))
    assert await api.generate(ImageCall(task_id(1), "TORKPN"), deadline_seconds=60) == Accepted(task_id(5))
    full, bare = service.requests
    assert full.json == {
        "model": "flux-lora",
        "prompt": "TORKPN as an astronaut in Zürich",
        "fluxLoraParams": {"loraId": task_id(1), "num_outputs": 2, "aspect_ratio": "3:4", "seed": -7},
    }
    assert bare.json == {
        "model": "flux-lora",
        "prompt": "TORKPN",
        "fluxLoraParams": {"loraId": task_id(1)},
    }
    assert full.headers["idempotency-key"] == "apm-k3fa-ge-4k7m2p9-1"
    assert "idempotency-key" not in bare.headers
    assert full.headers["content-type"] == "application/json"


async def test_the_same_call_again_is_the_same_bytes_with_the_same_key(
    api: ApiframeV2, service: Service
) -> None:
    service.answers["POST /v2/images/generate"] = ACCEPTED
    for _ in range(2):
        await api.generate(CALL, deadline_seconds=60)
    first, again = service.requests
    assert first.body == again.body
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"]


@pytest.mark.parametrize("status", ["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "NEW"])
async def test_a_replay_returns_the_id_whatever_became_of_the_job(
    api: ApiframeV2, service: Service, status: str
) -> None:
    service.answers["POST /v2/images/generate"] = (202, {"jobId": task_id(5), "status": status})
    assert await api.generate(CALL, deadline_seconds=60) == Accepted(task_id(5))


@pytest.mark.parametrize(
    ("answer", "error", "task"),
    [
        ((409, {"error": "Idempotency key reused"}), Conflict, None),
        ((402, {"error": "Insufficient credits"}), InsufficientCredits, None),
        ((429, {"error": "Too many trainings"}), RateLimited, None),
        ((503, {"error": "Queue outage"}), OutcomeUnknown, None),
        ((202, {"id": task_id(5)}), OutcomeUnknown, None),
        ((202, b'{"jobId":"' + task_id(5).encode() + b'","sta'), OutcomeUnknown, task_id(5)),
        ((202, b'{"user":{"jobId":"' + task_id(5).encode() + b'","sta'), OutcomeUnknown, None),
    ],
)
async def test_an_answer_to_a_generation_has_one_meaning(
    api: ApiframeV2, service: Service, answer: object, error: type[Exception], task: str | None
) -> None:
    service.answers["POST /v2/images/generate"] = answer
    with pytest.raises(error) as caught:
        await api.generate(CALL, deadline_seconds=60)
    assert type(caught.value) is error
    assert getattr(caught.value, "task_id", None) == task
    assert len(service.requests) == 1


async def test_a_job_is_checked_by_itself(api: ApiframeV2, service: Service) -> None:
    service.answers[f"GET /v2/jobs/{task_id(5)}"] = job(5)
    status = await check_status(api, Kind.GENERATION, task_id(5))
    assert (status.state, status.image_urls) == (
        TaskState.FINISHED,
        ("https://cdn2.apiframe.ai/images/5-1.png",),
    )
    assert service.paths == [f"GET /v2/jobs/{task_id(5)}"]
    assert "content-type" not in service.requests[0].headers
