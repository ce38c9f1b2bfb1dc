"""Deleting a training: only one that has ended, and never "done" without the service's word."""

from __future__ import annotations

import pytest

from apiframe_studio.api.errors import ApiframeError, AuthenticationFailed, NotFound, OutcomeUnknown, Refused
from apiframe_studio.api.provider import Deleted, NotNow
from apiframe_studio.api.v2.client import ApiframeV2

from .conftest import Service, lora, task_id

GET = f"GET /v2/loras/{task_id(1)}"
DELETE = f"DELETE /v2/loras/{task_id(1)}"


@pytest.mark.parametrize("status", ["READY", "FAILED", "ARCHIVED"])
@pytest.mark.parametrize("answer", [(204, b""), (200, {}), (404, {"error": "LoRA not found"})])
async def test_a_training_that_has_ended_is_deleted(
    api: ApiframeV2, service: Service, status: str, answer: object
) -> None:
    service.answers |= {GET: lora(1, status=status), DELETE: answer}
    assert await api.delete(task_id(1)) == Deleted()
    assert service.paths == [GET, DELETE]
    assert not {"content-type", "content-length"} & set(service.requests[1].headers)


@pytest.mark.parametrize("status", ["PENDING", "UPLOADING", "TRAINING", "SOMETHING_NEW", None])
async def test_a_training_that_is_under_way_is_left_alone(
    api: ApiframeV2, service: Service, status: str | None
) -> None:
    service.answers |= {GET: lora(1, status=status), DELETE: (204, b"")}
    assert await api.delete(task_id(1)) == NotNow()
    assert service.paths == [GET]


@pytest.mark.parametrize("answer", [(404, {"error": "LoRA not found"}), (400, {"error": "Invalid uuid"})])
async def test_an_id_that_the_service_does_not_know_counts_as_deleted(
    api: ApiframeV2, service: Service, answer: object
) -> None:
    service.answers[GET] = answer
    assert await api.delete(task_id(1)) == Deleted()


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({GET: (404, b"<html>Not found</html>")}, NotFound),
        ({GET: (403, {"error": "API key is inactive"})}, AuthenticationFailed),
        ({GET: (500, {})}, OutcomeUnknown),
        ({GET: lora(1, status="READY"), DELETE: (500, {})}, OutcomeUnknown),
        ({GET: lora(1, status="READY"), DELETE: (400, {"error": "Still in use"})}, Refused),
        ({GET: lora(1, status="READY"), DELETE: (307, {})}, Refused),
    ],
)
async def test_what_the_service_did_not_say_is_not_done(
    api: ApiframeV2, service: Service, answers: dict[str, object], error: type[ApiframeError]
) -> None:
    service.answers |= answers
    outcome = await api.delete(task_id(1))
    assert isinstance(outcome, NotNow)
    assert type(outcome.error) is error
