"""The sandbox posts each change of a task once, with the secret, and failed posts have no effect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from apiframe_studio.sandbox import Sandbox, webhook_delivery
from apiframe_studio.sandbox.store import Store
from apiframe_studio.sandbox.tasks import Training
from apiframe_studio.sandbox.webhook_delivery import post_webhook

from .conftest import START, Connect, Receiver

SECRET = "s3cret word-for-word: ü"


async def train(client: httpx.AsyncClient, url: str, **fields: str) -> str:
    body = {"training_images_id": "sandbox-person", "webhook_url": url, "webhook_secret": SECRET, **fields}
    response = await client.post("/ai-photo-train", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["task_id"])


async def fetch(client: httpx.AsyncClient, task_id: str) -> Any:
    return (await client.post("/fetch", json={"task_id": task_id})).json()


async def test_moving_the_clock_posts_the_same_json_as_fetch(
    client: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    task_id = await train(client, receiver.url)
    for seconds in (8, 12):
        await sandbox.advance(seconds)
        post = await receiver.next_post()
        assert json.loads(post.partition("\r\n\r\n")[2]) == await fetch(client, task_id)
    assert receiver.unread() == 0


async def test_the_secret_is_sent_unchanged_in_its_header(
    client: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    await train(client, receiver.url)
    await sandbox.advance(20)
    assert f"\r\nx-webhook-secret: {SECRET}\r\n" in await receiver.next_post()


@pytest.mark.parametrize("secret", ["", None])
async def test_without_a_secret_the_header_is_absent(
    client: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver, secret: Any
) -> None:
    await train(client, receiver.url, webhook_secret=secret)
    await sandbox.advance(20)
    assert "x-webhook-secret" not in await receiver.next_post()


async def test_each_change_is_posted_once(
    client: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    task_id = await train(client, receiver.url)
    await sandbox.advance(8)
    for _ in range(5):
        await fetch(client, task_id)
    await receiver.next_post()
    assert receiver.unread() == 0


async def test_a_request_posts_the_changes_since_the_previous_one(
    connect: Connect, receiver: Receiver
) -> None:
    times = iter([START] * 5 + [START + 8] * 20)
    async with connect(Sandbox(clock=lambda: next(times))) as client:
        await train(client, receiver.url)
        while receiver.unread() == 0:
            await client.get("/account")
    assert '"percentage":"40"' in await receiver.next_post()


async def test_two_processes_that_share_a_store_post_a_change_once(
    tmp_path: Path, connect: Connect, receiver: Receiver
) -> None:
    one, other = (Sandbox(clock=lambda: START, store_path=tmp_path / "s.db") for _ in range(2))
    async with connect(one) as client:
        await train(client, receiver.url)
    one.store.move_clock(20)
    async with anyio.create_task_group() as both:
        both.start_soon(one.advance, 0)
        both.start_soon(other.advance, 0)
    assert '"finished"' in await receiver.next_post()
    assert receiver.unread() == 0


def test_only_one_of_two_processes_can_claim_a_post(tmp_path: Path) -> None:
    one, other = (Store(tmp_path / "s.db", start_credits=10) for _ in range(2))
    training = Training(task_id="a", submitted_at=START, seconds=20, trigger_word="TOKIKD")
    one.add_task(training, cost=1, url="http://127.0.0.1:9/")
    (webhook,), (same_webhook,) = one.list_webhooks(), other.list_webhooks()
    assert other.claim_post(same_webhook, "processing 40", final=False)
    assert not one.claim_post(webhook, "processing 40", final=False)


async def test_a_failed_training_is_posted(
    client: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    await train(client, receiver.url, training_images_id="sandbox-bad-photos")
    await sandbox.advance(10)
    assert '"failed"' in await receiver.next_post()


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("http://127.0.0.1:9/no-listener", SECRET),
        ("https://no-such-host.invalid/", SECRET),
        ("http://127.0.0.1:9/", "split\r\nheader: injected"),
    ],
)
async def test_a_failed_post_does_not_affect_the_task(
    client: httpx.AsyncClient, sandbox: Sandbox, url: str, secret: str
) -> None:
    task_id = await train(client, url, webhook_secret=secret)
    with anyio.fail_after(60):
        await sandbox.advance(20)
    assert (await fetch(client, task_id))["status"] == "finished"


async def test_a_post_to_a_silent_receiver_times_out(
    client: httpx.AsyncClient, sandbox: Sandbox, silent_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for the post to arrive on a busy machine.
    monkeypatch.setattr(webhook_delivery, "TIMEOUT_SECONDS", 2.0)
    await train(client, silent_receiver.url)
    with anyio.fail_after(60):
        await sandbox.advance(20)
    assert silent_receiver.unread() == 1


async def test_the_final_post_erases_the_secret(tmp_path: Path, connect: Connect, receiver: Receiver) -> None:
    path = tmp_path / "s.db"
    sandbox = Sandbox(clock=lambda: START, store_path=path)
    async with connect(sandbox) as client:
        await train(client, receiver.url)
    assert SECRET.encode() in path.read_bytes()
    await sandbox.advance(20)
    assert all(SECRET.encode() not in content for content in contents(tmp_path))


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]


@pytest.mark.parametrize(
    "url", ["", "nonsense", "http://127.0.0.1:99999/", "http://[::1", "ftp://127.0.0.1/"]
)
async def test_a_post_to_an_invalid_url_returns_false(url: str) -> None:
    assert not await post_webhook(url, {"status": "finished"}, None)
