"""What the sandbox stores, for how long, and which processes share it."""

from __future__ import annotations

import gc
import multiprocessing
import sqlite3
import sys
import warnings
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from apiframe_studio.sandbox import Sandbox
from apiframe_studio.sandbox.errors import ErrorResponse
from apiframe_studio.sandbox.store import MAX_LOGGED_REQUESTS, Store
from apiframe_studio.sandbox.tasks import Training

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

from .conftest import START, Connect, run_in_four_processes

TRAIN = {"training_images_id": "sandbox-person", "trigger_word": "TOKIKD"}


async def test_a_training_survives_a_restart(tmp_path: Path, connect: Connect) -> None:
    path = tmp_path / "new" / "sandbox.db"
    async with connect(Sandbox(clock=lambda: START, store_path=path)) as before:
        task_id = (await before.post("/ai-photo-train", json=TRAIN)).json()["task_id"]
    async with connect(Sandbox(clock=lambda: START + 20, store_path=path)) as after:
        task = (await after.post("/fetch", json={"task_id": task_id})).json()
    assert (task["status"], task["trigger_word"]) == ("finished", "TOKIKD")


async def test_a_training_keeps_its_speed_if_that_of_the_sandbox_changes(
    tmp_path: Path, connect: Connect
) -> None:
    path = tmp_path / "sandbox.db"
    async with connect(Sandbox(clock=lambda: START, store_path=path, training_seconds=10)) as quick:
        task_id = (await quick.post("/ai-photo-train", json=TRAIN)).json()["task_id"]
    async with connect(Sandbox(clock=lambda: START + 4, store_path=path, training_seconds=999)) as slow:
        assert (await slow.post("/fetch", json={"task_id": task_id})).json()["percentage"] == "40"


async def test_two_sandboxes_on_one_file_share_clock_credits_and_log(
    tmp_path: Path, connect: Connect
) -> None:
    path = tmp_path / "sandbox.db"
    one, other = (Sandbox(clock=lambda: START, store_path=path) for _ in range(2))
    async with connect(one) as first, connect(other) as second:
        await first.post("/ai-photo-train", json=TRAIN)
        await first.post("/sandbox/clock", json={"advance_seconds": 60})
        assert other.now() == START + 60
        assert (await second.get("/account")).json()["credits"] == 12_000 - 48
        log = (await second.get("/sandbox/log")).json()
    assert (log["paid"], len(log["requests"])) == (1, 2)


async def test_sandboxes_without_a_file_are_independent(connect: Connect) -> None:
    async with connect(Sandbox()) as first, connect(Sandbox()) as second:
        task_id = (await first.post("/ai-photo-train", json=TRAIN)).json()["task_id"]
        assert (await second.post("/fetch", json={"task_id": task_id})).status_code == 404


async def test_a_request_that_exceeds_the_credits_is_rejected_and_not_recorded(connect: Connect) -> None:
    async with connect(Sandbox(start_credits=50)) as client:
        assert (await client.post("/ai-photo-train", json=TRAIN)).status_code == 200
        refused = await client.post("/ai-photo-train", json=TRAIN)
        assert refused.status_code == 402
        assert refused.json()["errors"][0]["msg"]
        assert (await client.get("/account")).json()["credits"] == 2
        assert (await client.get("/sandbox/log")).json()["paid"] == 1


def _spend(path: Path, all_started: Barrier) -> None:
    store = Store(path, start_credits=100)
    all_started.wait(60)
    for number in range(20):
        task = Training(
            task_id=f"{multiprocessing.current_process().name}-{number}",
            submitted_at=0,
            seconds=1,
            trigger_word="TOK",
        )
        try:
            store.add_task(task, cost=4)
        except ErrorResponse:
            return


@pytest.mark.slow
def test_four_processes_together_spend_no_more_than_the_credits(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    run_in_four_processes(_spend, path)
    store = Store(path, start_credits=100)
    assert (store.count_credits(), store.count_paid()) == (0, 25)


def test_the_request_log_is_bounded() -> None:
    store = Store(None, start_credits=0)
    for number in range(MAX_LOGGED_REQUESTS + 5):
        store.log_request(float(number), "GET", "/account", 200)
    assert len(store.list_requests()) == MAX_LOGGED_REQUESTS
    assert store.list_requests()[0]["at"] == 5.0


def test_a_store_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    training = Training(task_id="a", submitted_at=START, seconds=20, trigger_word="TOKIKD")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE tasks (task_id TEXT PRIMARY KEY, cost INTEGER NOT NULL, task TEXT NOT NULL,"
            " webhook_url TEXT, webhook_secret TEXT, told TEXT)"
        )
        row = ("a", 4, training.model_dump_json(), "http://127.0.0.1:9/", None, "pending 0")
        database.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?)", row)
    for _ in range(2):
        (webhook,) = Store(path, start_credits=100).list_webhooks()
        assert (webhook.task, webhook.last_posted) == (training, "pending 0")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file modes")
def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "data" / "sandbox.db"
    Store(path, start_credits=0)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_sandbox_opens_no_file_before_its_first_use(tmp_path: Path) -> None:
    Sandbox(store_path=tmp_path / "sandbox.db")
    assert list(tmp_path.iterdir()) == []


def test_a_garbage_collected_sandbox_closes_its_store(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Sandbox(store_path=tmp_path / "sandbox.db").now()
        gc.collect()


async def test_a_reset_deletes_everything(sandbox: Sandbox, client: httpx.AsyncClient) -> None:
    task_id = (await client.post("/ai-photo-train", json=TRAIN)).json()["task_id"]
    await client.post("/sandbox/clock", json={"advance_seconds": 60})
    assert (await client.post("/sandbox/reset")).status_code == 200
    assert (await client.get("/sandbox/log")).json() == {"paid": 0, "requests": []}
    assert (await client.post("/fetch", json={"task_id": task_id})).status_code == 404
    assert sandbox.now() == START
