"""The controls under `/sandbox/`, which the service does not have."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

import apiframe_studio.sandbox
from apiframe_studio.sandbox import SANDBOX_URL, Sandbox

from .conftest import START, Connect


async def test_the_clock_reports_its_time_and_its_offset(client: httpx.AsyncClient) -> None:
    moved = await client.post("/sandbox/clock", json={"advance_seconds": 60})
    assert moved.json() == {"now": "2026-09-21T14:14:20.000Z", "offset_seconds": 60.0}
    assert (await client.get("/sandbox/clock")).json() == moved.json()


async def test_the_clock_can_be_moved_back(sandbox: Sandbox, client: httpx.AsyncClient) -> None:
    await client.post("/sandbox/clock", json={"advance_seconds": 60})
    await client.post("/sandbox/clock", json={"advance_seconds": -90.5})
    assert sandbox.now() == START - 30.5


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "1e999", "1e12", '"60"', "null", "true", "[1]"])
async def test_a_move_by_an_invalid_number_is_rejected(client: httpx.AsyncClient, seconds: str) -> None:
    response = await client.post("/sandbox/clock", content=f'{{"advance_seconds": {seconds}}}')
    assert response.status_code == 400
    assert "advance_seconds" in response.text or "Invalid request" in response.text


@pytest.mark.parametrize("decade", [315_360_000, -315_360_000])
async def test_repeated_moves_stop_at_an_offset_of_ten_years(client: httpx.AsyncClient, decade: int) -> None:
    for _ in range(3):
        moved = await client.post("/sandbox/clock", json={"advance_seconds": decade})
    assert moved.json()["offset_seconds"] == decade
    assert (await client.post("/fetch", json={"task_id": "sandbox-person"})).status_code == 200


async def test_the_controls_need_no_key(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url=SANDBOX_URL) as client:
        assert (await client.get("/sandbox/log")).status_code == 200
        assert (await client.get("/account")).status_code == 401


async def test_the_log_lists_every_call_with_its_status_and_without_its_body(
    client: httpx.AsyncClient,
) -> None:
    body = {
        "training_images_id": "sandbox-person",
        "webhook_url": "http://127.0.0.1:9",
        "webhook_secret": "s3cret",
    }
    await client.post("/ai-photo-train", json=body)
    await client.post("/ai-photo-train", json={"training_images_id": "sandbox-expired"})
    await client.get("/account")
    response = await client.get("/sandbox/log")
    log = response.json()
    seen = [(entry["method"], entry["path"], entry["status"]) for entry in log["requests"]]
    assert seen == [
        ("POST", "/ai-photo-train", 200),
        ("POST", "/ai-photo-train", 400),
        ("GET", "/account", 200),
    ]
    assert log["paid"] == 1
    assert "s3cret" not in response.text
    assert "sandbox-key" not in response.text


@pytest.mark.parametrize("start_credits", [12_000, 47])
async def test_a_request_counts_as_paid_only_if_it_cost_credits(connect: Connect, start_credits: int) -> None:
    async with connect(Sandbox(start_credits=start_credits)) as client:
        await client.post("/ai-photo-train", json={"training_images_id": "sandbox-person"})
        assert (await client.get("/sandbox/log")).json()["paid"] == (start_credits == 12_000)


def test_every_exported_name_exists() -> None:
    for name in apiframe_studio.sandbox.__all__:
        assert hasattr(apiframe_studio.sandbox, name)


@pytest.mark.no_coverage("coverage imports sqlite3")
def test_importing_the_sandbox_does_not_import_a_framework() -> None:
    heavy = "starlette uvicorn sqlite3 pydantic httpx PIL anyio"
    program = f"import sys, apiframe_studio.sandbox; print([m for m in {heavy.split()} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=90
    )
    assert done.stdout.strip() == "[]"
