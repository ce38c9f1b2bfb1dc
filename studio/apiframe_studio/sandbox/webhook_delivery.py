"""Webhooks of the sandbox: every change of a task is posted once, even if several processes share the store."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

import anyio

from .state import State
from .tasks import compute_change_key

POLL_SECONDS = 1.0
TIMEOUT_SECONDS = 3.0


async def deliver_webhooks(state: State) -> None:
    """Post every change since the last call. A failed post is not repeated: the service promises no retries."""
    now = state.now()
    async with anyio.create_task_group() as posts:
        for webhook in state.store.list_webhooks():
            payload = webhook.task.to_json(now)
            key, final = compute_change_key(payload), webhook.task.is_final(now)
            if key != webhook.last_posted and state.store.claim_post(webhook, key, final=final):
                posts.start_soon(post_webhook, webhook.url, payload, webhook.secret)


async def deliver_until_cancelled(deliver: Callable[[], Awaitable[None]]) -> None:
    """Call `deliver` once a second."""
    while True:
        await deliver()
        await anyio.sleep(POLL_SECONDS)


async def post_webhook(url: str, payload: Mapping[str, object], secret: str | None) -> bool:
    """Post `payload` as JSON to `url`, with `secret` unchanged in the header `x-webhook-secret`; see post_json."""
    headers = {} if secret is None else {"x-webhook-secret": secret}
    return await post_json(url, encode_json(payload), headers)


def encode_json(payload: Mapping[str, object]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


async def post_json(url: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Post JSON text to `url`.

    Returns True if the receiver responded with 2xx within three seconds. Every failure returns False and never
    raises, because a webhook that cannot be delivered must not affect its task. The response body is not read.
    """
    import httpx

    sent = {"Content-Type": "application/json", **headers}
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    with anyio.move_on_after(TIMEOUT_SECONDS):
        try:
            async with (
                httpx.AsyncClient(follow_redirects=False, trust_env=False) as client,
                client.stream("POST", url, content=body, headers=raw) as response,
            ):
                return response.is_success
        except Exception:
            # Broad on purpose: a port of 99999 raises an ExceptionGroup around an OverflowError.
            return False
    return False
