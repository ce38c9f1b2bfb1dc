"""Webhooks of the sandbox: every change of a task is posted once, even if several processes share the store."""

from __future__ import annotations

import anyio

from .state import State
from .tasks import change_key
from .webhook_sender import post_webhook

POLL_SECONDS = 1.0


async def deliver_webhooks(state: State) -> None:
    """Post every change since the last call. A failed post is not repeated: the service promises no retries."""
    now = state.now()
    async with anyio.create_task_group() as posts:
        for webhook in state.store.list_webhooks():
            payload = webhook.task.to_json(now)
            key, final = change_key(payload), webhook.task.is_final(now)
            if key != webhook.last_posted and state.store.claim_post(webhook, key, final=final):
                posts.start_soon(post_webhook, webhook.url, payload, webhook.secret)


async def deliver_until_cancelled(state: State) -> None:
    """Deliver webhooks once a second."""
    while True:
        await deliver_webhooks(state)
        await anyio.sleep(POLL_SECONDS)
