"""The sandbox of v2 posts events once, signed with the digest of the key."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from apiframe_studio.sandbox import SANDBOX_V2_KEY, Sandbox
from apiframe_studio.sandbox.v2.behaviour import Behaviour

from .conftest import START, connect_v2, generate, train

if TYPE_CHECKING:
    from ..conftest import Receiver

DIGEST = hashlib.sha256(SANDBOX_V2_KEY.encode())


def parse(post: str) -> tuple[dict[str, str], bytes, Any]:
    head, _, body = post.partition("\r\n\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
    return headers, body.encode(), json.loads(body)


@pytest.mark.parametrize(
    ("name", "key"), [("digest", DIGEST.digest()), ("hex_digest", DIGEST.hexdigest().encode())]
)
async def test_the_body_is_signed_with_the_digest_of_the_key(
    receiver: Receiver, name: Any, key: bytes
) -> None:
    sandbox = Sandbox(api="v2", clock=lambda: START, behaviour=Behaviour(webhook_key=name))
    async with connect_v2(sandbox) as client:
        lora_id = await train(client, webhookUrl=receiver.url)
    await sandbox.advance(20)
    headers, body, payload = parse(await receiver.next_post())
    assert headers["x-webhook-signature"] == "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    assert headers["x-webhook-event"] == payload["event"] == "completed"
    assert payload["loraId"] == lora_id
    assert headers["content-type"] == "application/json"


async def test_a_failed_training_is_posted(
    client: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    await client.post("/sandbox/behaviour", json={"training_fails": True})
    await train(client, webhookUrl=receiver.url)
    await sandbox.advance(20)
    payload = parse(await receiver.next_post())[2]
    assert (payload["event"], payload["status"]) == ("failed", "FAILED")


async def test_a_job_posts_its_progress_and_its_result_and_each_once(
    client: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    lora_id = await train(client)
    await sandbox.advance(20)
    events = ["progress", "completed"]
    job_id = await generate(client, lora_id, webhookUrl=receiver.url, webhookEvents=events)
    assert (await client.get(f"/v2/jobs/{job_id}")).json()["webhookStatus"] == "pending"
    posts = []
    for _ in range(2):
        await sandbox.advance(5)
        for _ in range(3):
            await client.get("/v2/me")
        posts.append(parse(await receiver.next_post())[2])
    assert receiver.unread() == 0
    job = (await client.get(f"/v2/jobs/{job_id}")).json()
    assert job["webhookStatus"] == "delivered"
    assert posts == [
        {"event": "progress", "jobId": job_id, "status": "PROCESSING", "model": "flux-lora", "progress": 50},
        {
            "event": "completed",
            "jobId": job_id,
            "status": "COMPLETED",
            "model": "flux-lora",
            "progress": 100,
            "result": job["result"],
            "creditCost": 2,
            "completedAt": job["completedAt"],
        },
    ]


async def test_only_the_events_asked_for_are_posted(
    client: httpx.AsyncClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    await train(client, webhookUrl=receiver.url, webhookEvents="failed")
    await sandbox.advance(20)
    await sandbox.advance(20)
    assert receiver.unread() == 0


async def test_a_post_that_does_not_arrive_is_shown_at_the_job(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    lora_id = await train(client)
    await sandbox.advance(20)
    job_id = await generate(client, lora_id, webhookUrl="http://127.0.0.1:9/no-listener")
    with anyio.fail_after(20):
        await sandbox.advance(10)
    job = (await client.get(f"/v2/jobs/{job_id}")).json()
    assert (job["status"], job["webhookStatus"]) == ("COMPLETED", "failed")


async def test_processes_that_share_a_store_post_once_and_the_last_post_erases_the_digest(
    tmp_path: Path, receiver: Receiver
) -> None:
    path = tmp_path / "s.db"
    one, other = (Sandbox(api="v2", clock=lambda: START, store_path=path) for _ in range(2))
    async with connect_v2(one) as client:
        await train(client, webhookUrl=receiver.url)
    assert DIGEST.hexdigest().encode() in path.read_bytes()
    one.store.move_clock(20)
    async with anyio.create_task_group() as both:
        both.start_soon(one.advance, 0)
        both.start_soon(other.advance, 0)
    assert '"completed"' in await receiver.next_post()
    assert receiver.unread() == 0
    assert DIGEST.hexdigest().encode() not in path.read_bytes()
