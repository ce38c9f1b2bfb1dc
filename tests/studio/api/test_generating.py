"""Generating images: the request, and both kinds of response."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from apiframe_studio.api.errors import (
    ApiframeError,
    InsufficientCredits,
    OutcomeUnknown,
    OutcomeUnknownReason,
    Refused,
)
from apiframe_studio.api.provider import Accepted, ImageCall, TaskState, TrainingCall
from apiframe_studio.api.v1.client import ApiframeV1
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, Sandbox

from .conftest import KEY, Service

PATH = "/ai-photo-generate"
URLS = ["https://cdn.apiframe.pro/a.png", "https://cdn.apiframe.pro/b.png"]
BASE = {"training_id": "train-1", "prompt": "TOKIKD on a beach"}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {}),
        ({"aspect_ratio": "3:4"}, {"aspect_ratio": "3:4"}),
        ({"number_of_images": 4}, {"number_of_images": "4"}),
        ({"number_of_images": 0}, {"number_of_images": "0"}),
        ({"seed": 0}, {"seed": 0}),
        ({"seed": 2**53}, {"seed": 2**53}),
        (
            {"aspect_ratio": "custom", "width": 640, "height": 321},
            {"aspect_ratio": "custom", "width": "640", "height": "321"},
        ),
    ],
    ids=repr,
)
async def test_numbers_are_sent_as_documented_and_absent_fields_are_not_sent(
    api: ApiframeV1, service: Service, given: dict[str, Any], sent: dict[str, Any]
) -> None:
    service.answers[PATH] = {"task_id": "gen-1"}
    await api.generate(ImageCall(BASE["training_id"], BASE["prompt"], **given), deadline_seconds=5)
    assert service.asked == [(PATH, BASE | sent)]


@pytest.mark.parametrize(
    ("answer", "task_id", "urls"),
    [
        ({"task_id": "gen-1", "status": "finished", "image_urls": URLS}, "gen-1", URLS),
        ({"task_id": "gen-1"}, "gen-1", []),
        ({"task_id": 4711, "status": "processing"}, "4711", []),
        ({"task_id": "gen-1", "image_urls": []}, "gen-1", []),
        ({"status": "finished", "image_urls": URLS}, None, URLS),
        ({"task_id": None, "image_urls": URLS[:1]}, None, URLS[:1]),
        ({"task_id": "with spaces in it", "image_urls": URLS}, None, URLS),
        ({"task_id": "gen-1", "image_urls": ["javascript:alert(1)", URLS[0], 7]}, "gen-1", URLS[:1]),
        ({"task_id": "gen-1", "image_urls": [f"{URLS[0]}?key={KEY}", URLS[1]]}, "gen-1", URLS[1:]),
        ((201, {"task_id": "gen-1", "image_urls": URLS}), "gen-1", URLS),
    ],
    ids=repr,
)
async def test_a_response_has_images_or_an_id_or_both(
    api: ApiframeV1, service: Service, answer: object, task_id: str | None, urls: list[str]
) -> None:
    service.answers[PATH] = answer
    made = await api.generate(ImageCall("train-1", "TOKIKD"), deadline_seconds=5)
    assert (made.task_id, made.image_urls) == (task_id, tuple(urls))


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        ({}, OutcomeUnknown, OutcomeUnknownReason.NO_TASK_ID),
        ({"image_urls": []}, OutcomeUnknown, OutcomeUnknownReason.NO_TASK_ID),
        ({"image_urls": ["file:///etc/passwd"]}, OutcomeUnknown, OutcomeUnknownReason.NO_TASK_ID),
        ({"image_urls": URLS[0]}, OutcomeUnknown, OutcomeUnknownReason.NO_TASK_ID),
        (
            {"image_urls": [f"https://cdn.apiframe.pro/?{KEY}"]},
            OutcomeUnknown,
            OutcomeUnknownReason.NO_TASK_ID,
        ),
        (URLS, OutcomeUnknown, OutcomeUnknownReason.NOT_JSON),
        (b"[" * 100_000, OutcomeUnknown, OutcomeUnknownReason.NOT_JSON),
        (b'{"image_urls": ["' + b"a" * 2**20 + b'"]}', OutcomeUnknown, OutcomeUnknownReason.TOO_LARGE),
        ((500, {"task_id": "gen-1", "image_urls": URLS}), OutcomeUnknown, OutcomeUnknownReason.SERVER_ERROR),
        ((402, {"error": "Not enough credits"}), InsufficientCredits, None),
        ((400, {"errors": [{"msg": "prompt is required"}]}), Refused, None),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_any_other_response_is_an_error_and_not_repeated(
    api: ApiframeV1,
    service: Service,
    answer: object,
    error: type[ApiframeError],
    why: OutcomeUnknownReason | None,
) -> None:
    service.answers[PATH] = answer
    with pytest.raises(error) as caught:
        await api.generate(ImageCall("train-1", "TOKIKD"), deadline_seconds=5)
    assert getattr(caught.value, "reason", None) is why
    assert KEY not in str(vars(caught.value))
    assert len(service.asked) == 1


@pytest.mark.parametrize("fetched", ["/fetch", "/fetch-many"])
async def test_a_fetched_link_that_contains_the_key_is_left_out_too(
    api: ApiframeV1, service: Service, fetched: str
) -> None:
    tasks = [
        {"task_id": task_id, "status": "finished", "image_urls": [f"https://x.example/?{KEY}", *URLS]}
        for task_id in ("gen-1", "gen-2")
    ]
    service.answers = {"/fetch": tasks[0], "/fetch-many": {"tasks": tasks}}
    if fetched == "/fetch":
        found: list[object] = [await api.fetch("gen-1")]
    else:
        found = [*(await api.fetch_many(["gen-1", "gen-2"])).values()]
    assert service.paths == [fetched]
    assert all(getattr(task, "image_urls", None) == tuple(URLS) for task in found)


async def generated(sandbox: Sandbox) -> tuple[ApiframeV1, Accepted]:
    """Generate two images in a sandbox with a finished training."""
    api = ApiframeV1(key=SecretStr(SANDBOX_KEY), base_url=SANDBOX_URL, app=sandbox.app)
    training = await api.train(TrainingCall("sandbox-person", trigger_word="TOKIKD"))
    await sandbox.advance(20)
    return api, await api.generate(
        ImageCall(training.task_id or "", "TOKIKD at sea", number_of_images=2, seed=7), deadline_seconds=5
    )


async def test_a_fast_service_returns_the_images() -> None:
    sandbox = Sandbox(clock=lambda: 0.0)
    with anyio.fail_after(60):
        _, made = await generated(sandbox)
    sandbox.close()
    assert made.task_id is not None
    assert len(made.image_urls) == 2


async def test_a_slow_service_returns_an_id_to_poll() -> None:
    sandbox = Sandbox(clock=lambda: 0.0, generation_seconds=10)
    with anyio.fail_after(60):
        api, made = await generated(sandbox)
        assert made.image_urls == ()
        assert made.task_id is not None
        await sandbox.advance(10)
        task = await api.fetch(made.task_id)
    sandbox.close()
    assert (task.state, len(task.image_urls)) == (TaskState.FINISHED, 2)
