"""Webhooks of the sandbox: every change of a task is posted once, even if several processes share the store."""

from __future__ import annotations

import anyio

from .state import State
from .store import Webhook
from .tasks import change_key
from .webhook_sender import post_webhook

POLL_SECONDS = 1.0


async def deliver_webhooks(state: State) -> None:
    """Post every change since the last call. A failed post is not repeated: the service promises no retries."""
    now = state.now()
    async with anyio.create_task_group() as posts:
        for webhook in state.store.list_webhooks():
            if _claim(state, webhook, now):
                posts.start_soon(post_webhook, webhook.url, webhook.task.to_json(now), webhook.secret)


async def deliver_until_cancelled(state: State) -> None:
    """Deliver webhooks once a second."""
    while True:
        await deliver_webhooks(state)
        await anyio.sleep(POLL_SECONDS)


def _claim(state: State, webhook: Webhook, now: float) -> bool:
    key = change_key(webhook.task.to_json(now))
    return key != webhook.last_posted and state.store.claim_post(
        webhook, key, final=webhook.task.is_final(now)
    )
