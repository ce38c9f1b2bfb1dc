"""The sandbox of v2: its controls, what it stores, and that it responds to any request."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apiframe_studio.sandbox import SANDBOX_URL, SANDBOX_V2_KEY, Sandbox
from apiframe_studio.sandbox.v2.behaviour import Behaviour
from apiframe_studio.sandbox.v2.errors import ErrorEnvelope
from apiframe_studio.sandbox.v2.records import Lora

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

from ..conftest import run_in_four_processes
from .conftest import START, connect_v2, generate, train


async def test_the_behaviour_can_be_read_replaced_and_reset(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/sandbox/behaviour")).json()
    assert shown["list_fault"] is None
    changed = await client.post("/sandbox/behaviour", json={"list_fault": "repeated_cursor"})
    assert changed.json() == shown | {"list_fault": "repeated_cursor"}
    await client.post("/sandbox/behaviour", json={"training_fails": True})
    assert (await client.get("/sandbox/behaviour")).json() == shown | {"training_fails": True}
    await client.post("/sandbox/reset")
    assert (await client.get("/sandbox/behaviour")).json() == shown


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"unknown": 1}', b'{"hidden_seconds": -1}', b'{"training_fails": "yes"}']
)
async def test_an_invalid_behaviour_is_rejected(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/sandbox/behaviour", content=body)
    assert response.status_code == 400
    assert response.json()["error"]


async def test_a_reset_deletes_trainings_and_returns_their_credits(client: httpx.AsyncClient) -> None:
    await train(client)
    assert (await client.get("/sandbox/log")).json()["paid"] == 1
    await client.post("/sandbox/reset")
    assert (await client.get("/sandbox/log")).json()["paid"] == 0
    assert (await client.get("/v2/loras")).json()["items"] == []
    assert (await client.get("/v2/me")).json()["team"]["credits"] == 12_000


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sandbox.db"
    behaviour = Behaviour(result_shape="text")
    async with connect_v2(
        Sandbox(api="v2", clock=lambda: START, store_path=path, behaviour=behaviour)
    ) as before:
        lora_id = await train(before)
        await before.post("/sandbox/clock", json={"advance_seconds": 20})
        job_id = await generate(before, lora_id)
    async with connect_v2(Sandbox(api="v2", clock=lambda: START, store_path=path)) as after:
        assert (await after.get(f"/v2/loras/{lora_id}")).json()["status"] == "READY"
        job = (await after.get(f"/v2/jobs/{job_id}")).json()
        assert (await after.get(job["result"])).status_code == 200
        assert (await after.get("/v2/me")).json()["team"]["credits"] == 12_000 - 257 - 2


async def test_both_generations_share_a_file_and_not_their_credits(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    v1, v2 = (Sandbox(api=api, clock=lambda: START, store_path=path) for api in ("v1", "v2"))
    async with connect_v2(v2) as client:
        await train(client)
        assert (await client.get("/v2/me")).json()["team"]["credits"] == 11_998
    assert v1.store.count_credits() == 12_000


async def test_forgotten_trainings_leave_no_text_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    sandbox = Sandbox(api="v2", clock=lambda: START, store_path=path, training_seconds=0)
    async with connect_v2(sandbox) as client:
        lora_id = await train(client, ethnicity="a word to be found")
        job_id = await generate(client, lora_id, prompt="another word to be found")
        assert b"word to be found" in path.read_bytes()
        sandbox.forget([lora_id, job_id])
        assert b"word to be found" not in path.read_bytes()
        assert (await client.get(f"/v2/loras/{lora_id}")).status_code == 404


async def test_a_training_of_no_seconds_is_ready_and_charged_at_once() -> None:
    async with connect_v2(Sandbox(api="v2", clock=lambda: START, training_seconds=0)) as client:
        lora = (await client.get(f"/v2/loras/{await train(client)}")).json()
        assert (lora["status"], (await client.get("/v2/me")).json()["team"]["credits"]) == (
            "READY",
            11_743,
        )


async def test_one_idempotency_key_makes_one_job_in_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    sandboxes = [
        Sandbox(api="v2", clock=lambda: START, store_path=path, training_seconds=0) for _ in range(3)
    ]
    clients = [connect_v2(sandbox) for sandbox in sandboxes]
    lora_id = await train(clients[0])
    jobs: list[str] = []

    async def ask(client: httpx.AsyncClient) -> None:
        client.headers["Idempotency-Key"] = "apm-1"
        jobs.append(await generate(client, lora_id))

    async with anyio.create_task_group() as group:
        for client in clients * 4:
            group.start_soon(ask, client)
    assert len(jobs) == 12
    assert len(set(jobs)) == 1
    for client in clients:
        await client.aclose()


def _spend(path: Path, all_started: Barrier) -> None:
    records = Sandbox(api="v2", store_path=path, start_credits=100).v2_state.records
    all_started.wait(30)
    for _ in range(40):
        lora = Lora(
            id=str(uuid.uuid4()),
            user_id="u",
            team_id="t",
            created_at=0,
            seconds=1,
            name="x",
            subject_kind="style",
            gender=None,
            ethnicity=None,
            age=None,
            image_count=15,
            steps=1000,
            lora_rank=32,
        )
        try:
            records.add_lora(lora, cost=2, max_in_flight=1000)
        except ErrorEnvelope:
            return


@pytest.mark.slow
def test_four_processes_together_spend_no_more_than_the_credits(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    run_in_four_processes(_spend, path)
    records = Sandbox(api="v2", store_path=path, start_credits=100).v2_state.records
    assert (records.count_credits("t"), records.count_paid()) == (0, 50)


def test_the_pages_name_every_behaviour() -> None:
    page = (Path(__file__).parents[4] / "docs/sandbox.md").read_text(encoding="utf-8")
    assert [field.name for field in fields(Behaviour) if f"`{field.name}`" not in page] == []


def test_importing_the_sandbox_imports_nothing_of_v2() -> None:
    program = "import sys, apiframe_studio.sandbox; print([m for m in sys.modules if 'sandbox.v2' in m])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=90
    )
    assert done.stdout.strip() == "[]"


NAMES = st.sampled_from(
    ["model", "prompt", "fluxLoraParams", "loraId", "seed", "webhookUrl", "webhookEvents"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["flux-lora", "1:1"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES | st.text(), inner, max_size=4),
    max_leaves=20,
)
BODIES = st.dictionaries(NAMES, VALUES).map(lambda body: json.dumps(body).encode()) | st.binary()
FORMS = st.lists(
    st.sampled_from([b"--b", b"\r\n", b"--", b'Content-Disposition: form-data; name="name"', b"x", b"\0"])
)
FUZZ = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def send(method: str, path: str, content: bytes, content_type: str) -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(Sandbox(api="v2", clock=lambda: START).app)
        headers: dict[str, Any] = {"X-API-Key": SANDBOX_V2_KEY, "Content-Type": content_type}
        async with httpx.AsyncClient(transport=transport, base_url=SANDBOX_URL) as client:
            return await client.request(method, path, content=content, headers=headers)

    return anyio.run(call)


@pytest.mark.slow
@FUZZ
@given(BODIES)
def test_any_body_of_a_generation_is_a_bad_request(body: bytes) -> None:
    response = send("POST", "/v2/images/generate", body, "application/json")
    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.slow
@FUZZ
@given(FORMS.map(b"".join) | st.binary())
def test_any_broken_form_is_a_bad_request(body: bytes) -> None:
    response = send("POST", "/v2/loras", body, "multipart/form-data; boundary=b")
    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.slow
@FUZZ
@given(
    st.sampled_from(["/v2/loras", "/v2/jobs"]),
    st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])),
)
def test_any_cursor_gets_a_page_or_a_bad_request(path: str, cursor: str) -> None:
    query = str(httpx.QueryParams({"cursor": cursor}))
    assert send("GET", f"{path}?{query}", b"", "").status_code in {200, 400}
