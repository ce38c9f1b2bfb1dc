"""A key and a webhook secret that the service echoes in any form never appear in our output."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from typing import Any
from urllib.parse import quote

import pytest
import stamina
from pydantic import SecretStr

from apiframe_studio.api.errors import ApiframeError, ImageRefused, OutcomeUnknown, OutcomeUnknownReason
from apiframe_studio.api.provider import Accepted, Deadlines, ImageCall, TrainingCall, UploadCall
from apiframe_studio.api.v1.client import ApiframeV1

from ...faults.fault_server import answer, fault_server, replying
from .conftest import Service

KEY = "canary-key-0123456789/abc"
SECRET = 'canary "secret" äöü/0123456789'
FORMS = [
    KEY,
    SECRET,
    json.dumps(KEY)[1:-1],
    json.dumps(SECRET)[1:-1],
    quote(KEY, safe=""),
    quote(SECRET, safe=""),
]
CORES = ["canary-key", "canary \\", 'canary "', "canary%20", "0123456789"]


def everything_about(error: BaseException) -> str:
    """Return every text that a log, a debugger or a model could get."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    facts = [f"{one} {one!r} {one.args} {vars(one)}" for one in chain]
    return "\n".join([*facts, *traceback.format_exception(error)])


def found(text: str) -> list[str]:
    return [core for core in CORES if core in text]


async def upload(api: ApiframeV1) -> Accepted:
    return await api.upload(UploadCall([b"one"] * 10, ethnicity="white", gender="male"), deadline_seconds=0.5)


@pytest.mark.parametrize("status", [200, 400, 401, 402, 404, 409, 422, 429, 500])
@pytest.mark.parametrize("field", ["message", "error", "status", "task_id", "task_type", "errors"])
async def test_an_echoed_secret_in_a_response_is_redacted(service: Service, status: int, field: str) -> None:
    service.answers |= dict.fromkeys(
        ["/ai-photo-train", "/ai-photo-upload", "/ai-photo-generate", "/fetch", "/account"],
        (
            status,
            {
                field: " | ".join(FORMS),
                "email": KEY,
                "plan": SECRET,
                "image_urls": [f"https://x.example/{KEY}"],
            },
        ),
    )
    service.headers.append((b"x-request-id", KEY.encode()))
    api = ApiframeV1(key=SecretStr(KEY), app=service)
    outputs: list[str] = []
    with stamina.set_testing(True):
        for call in (
            api.train(TrainingCall("images-1", webhook_secret=SecretStr(SECRET))),
            upload(api),
            api.generate(ImageCall("train-1", "TOKSIS"), deadline_seconds=1),
            api.fetch("t-1"),
            api.account(),
        ):
            try:
                outputs.append(repr(await call))
            except ApiframeError as error:
                outputs.append(everything_about(error))
    assert found("\n".join(outputs)) == []


ID_KEY, ID_SECRET = "canary-key-0123456789", "canary-secret-0123456789"
BASE64 = base64.b64encode(f"user:{ID_KEY}".encode()).decode().rstrip("=")
VALUES = [
    ID_KEY,
    ID_SECRET,
    ID_KEY.upper(),
    f"train-{ID_KEY}",
    f"{ID_SECRET}.1",
    BASE64,
    ID_SECRET.encode().hex(),
]


@pytest.mark.parametrize("value", VALUES)
async def test_an_id_word_or_link_that_contains_a_secret_is_dropped(service: Service, value: str) -> None:
    """They are stored and shown unchanged, so they cannot be redacted in part."""
    message = {
        "task_id": value,
        "status": "finished",
        "trigger_word": value,
        "image_urls": [f"https://x.example/{value}", f"https://{value}.example/1", "https://x.example/1"],
    }
    service.answers |= dict.fromkeys(["/ai-photo-generate", "/fetch"], message)
    service.answers["/fetch-many"] = {"tasks": [{**message, "task_id": "t-1"}, {**message, "task_id": "t-2"}]}
    service.answers |= dict.fromkeys(["/ai-photo-train", "/ai-photo-upload"], message)
    api = ApiframeV1(key=SecretStr(ID_KEY), app=service)
    with pytest.raises(OutcomeUnknown) as unclear:
        await api.train(TrainingCall("images-1", webhook_secret=SecretStr(ID_SECRET)))
    made = await api.generate(ImageCall("t-1", "by the sea"), deadline_seconds=1)
    task = await api.fetch("t-9")
    many = await api.fetch_many(["t-1", "t-2"])
    assert unclear.value.reason is OutcomeUnknownReason.NO_TASK_ID
    assert (made.task_id, made.image_urls) == (None, ("https://x.example/1",))
    assert (task.task_id, task.trigger_word, task.image_urls) == (None, None, ("https://x.example/1",))
    assert {"odd_task_id", "odd_trigger_word", "odd_image_urls"} <= set(task.notes)
    shown = "\n".join([everything_about(unclear.value), repr(made), repr(task), repr(many)])
    assert value.lower() not in shown.lower()


async def test_an_id_that_contains_a_short_webhook_secret_by_chance_is_kept(service: Service) -> None:
    message = {
        "task_id": "train-0123",
        "trigger_word": "TOKTRAIN",
        "image_urls": ["https://x.example/train/1"],
    }
    service.answers |= dict.fromkeys(["/ai-photo-train", "/fetch"], message)
    api = ApiframeV1(key=SecretStr(ID_KEY), app=service)
    accepted = await api.train(TrainingCall("images-1", webhook_secret=SecretStr("train")))
    task = await api.fetch("t-1")
    assert accepted.task_id == task.task_id == "train-0123"
    assert (task.trigger_word, task.image_urls) == ("TOKTRAIN", ("https://x.example/train/1",))
    service.answers["/fetch"] = {"task_id": "train", "trigger_word": "train", "image_urls": []}
    task = await api.fetch("t-1")
    assert (task.task_id, task.trigger_word) == (None, None)


async def test_the_rejection_of_an_image_does_not_name_a_host_that_contains_a_secret(
    service: Service,
) -> None:
    api = ApiframeV1(key=SecretStr(ID_KEY), app=service)
    service.answers["/1.png"] = (302, {})
    service.headers.append((b"location", f"https://{ID_KEY}.evil.example/1.png".encode()))
    for link in (f"https://{ID_KEY}.example/1.png", "https://x.example/1.png"):
        with pytest.raises(ImageRefused) as refused:
            await api.download(link, hosts=["x.example"], deadline_seconds=1, max_bytes=100)
        assert found(everything_about(refused.value)) == []


@pytest.mark.parametrize("fault", ["silent", "reset_after_request", "huge_header", "echo", "bad_echo"])
async def test_no_log_and_no_transport_error_contains_a_secret(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echoes: dict[str, Any] = {"x_webhook_secret": SECRET.encode("ascii", "ignore").decode(), "x_key": KEY}
    faults = {
        "echo": replying(answer(f"503 {KEY}", json.dumps(FORMS).encode(), **echoes)),
        "bad_echo": replying(answer("200 OK", f'{{"message": "{KEY[:-4]}'.encode(), length=999, **echoes)),
    }
    with fault_server(fault, faults=faults) as server, stamina.set_testing(True, attempts=2):
        api = ApiframeV1(key=SecretStr(KEY), base_url=server.base_url, deadlines=Deadlines(0.5, 0.5, 0.5))
        for call in (
            api.train(TrainingCall("images-1", webhook_secret=SecretStr(SECRET))),
            upload(api),
            api.generate(ImageCall("train-1", "TOKSIS"), deadline_seconds=0.5),
            api.fetch("t-1"),
        ):
            with pytest.raises(ApiframeError) as caught:
                await call
            assert found(everything_about(caught.value)) == []
        await api.aclose()
    logged = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert found(logged) == []


def test_a_client_does_not_show_its_key() -> None:
    api = ApiframeV1(key=SecretStr(KEY))
    assert found(f"{api!r} {vars(api)} {vars(api._transport)}") == []
