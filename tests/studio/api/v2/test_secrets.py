"""A key that the service echoes never appears in our output."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote

import pytest
import stamina
from pydantic import SecretStr

from apiframe_studio.api.errors import ApiframeError, ImageRefused
from apiframe_studio.api.provider import ImageCall, Kind
from apiframe_studio.api.v2.client import ApiframeV2

from ..test_secrets import everything_about
from .conftest import CALL, SENT, Service, job, lora, me, task_id

KEY = "afk_canary-0123456789"
ECHOED = " | ".join([KEY, json.dumps(KEY), quote(KEY, safe=""), KEY.encode().hex(), KEY.upper()])


@pytest.mark.parametrize("status", [200, 202, 400, 401, 402, 404, 409, 429, 500])
async def test_an_echoed_key_is_left_out(
    service: Service, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service.headers.append((b"x-request-id", KEY.encode()))
    echo = {"error": ECHOED, "details": {ECHOED: [ECHOED]}, "status": ECHOED, "triggerWord": KEY}
    urls = [f"https://x.example/{KEY}", f"https://{KEY}.example/1"]
    for answer in (
        {**echo, "id": KEY, "jobId": KEY},
        {**lora(1), **echo, "name": f"AI photos [{CALL.marker}]", "id": KEY},
        {**job(1), **echo, "result": {"images": urls}, "input": {"prompt": KEY}},
        {**me(plan=KEY, id=KEY), **echo},
        {"items": [{**lora(1), **echo, "name": f"AI photos [{CALL.marker}]"}], "nextCursor": None, **echo},
        {"jobs": [{**job(1), **echo}], "nextCursor": None, **echo},
        KEY.encode(),
    ):
        paths = ("loras", f"loras/{task_id(1)}", f"jobs/{task_id(1)}", "jobs", "me", "images/generate")
        service.answers = {f"{m} /v2/{path}": (status, answer) for path in paths for m in ("GET", "POST")}
        api = ApiframeV2(key=SecretStr(KEY), app=service)
        outcomes: list[str] = []
        with stamina.set_testing(True, attempts=3):  # No waits before retries.
            for call in (
                api.train(CALL, deadline_seconds=1),
                api.generate(ImageCall(task_id(1), "TORKPN"), deadline_seconds=1),
                api.status(Kind.TRAINING, [task_id(1), task_id(2)]),
                api.status(Kind.GENERATION, [task_id(1)]),
                api.find(CALL, SENT),
                api.find(ImageCall(task_id(1), "TORKPN"), SENT),
                api.delete(task_id(1)),
                api.account(),
            ):
                try:
                    outcomes.append(repr(await call))
                except ApiframeError as error:
                    outcomes.append(everything_about(error))
        await api.aclose()
        assert "canary" not in "\n".join(outcomes).lower()
    assert "canary" not in caplog.text.lower()


@pytest.mark.parametrize("url", [f"https://x.apiframe.ai/{KEY}", f"https://{KEY}.apiframe.ai/1"])
async def test_a_link_that_contains_the_key_is_not_followed(service: Service, url: str) -> None:
    api = ApiframeV2(key=SecretStr(KEY), app=service)
    with pytest.raises(ImageRefused) as caught:
        await api.download(url, hosts=[".apiframe.ai"], deadline_seconds=1, max_bytes=1000)
    assert KEY not in everything_about(caught.value)
    assert service.requests == []
