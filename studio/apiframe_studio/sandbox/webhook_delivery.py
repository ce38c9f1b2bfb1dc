"""Webhooks of the sandbox: each change of a task is posted once, to whom it concerns, by one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from .tasks import change
from .webhook_sender import post_webhook

if TYPE_CHECKING:
    from .sandbox import Sandbox
    from .store import Webhook

LOOK_SECONDS = 1.0


async def announce(sandbox: Sandbox) -> None:
    """Post what has changed since the last look, once: nothing promises that a failed post is repeated."""
    now = sandbox.now()
    async with anyio.create_task_group() as posts:
        for webhook in sandbox.store.webhooks():
            if _claimed(sandbox, webhook, now):
                posts.start_soon(post_webhook, webhook.url, webhook.task.answer(now), webhook.secret)


async def keep_announcing(sandbox: Sandbox) -> None:
    """Look for changes once a second until cancelled."""
    while True:
        await announce(sandbox)
        await anyio.sleep(LOOK_SECONDS)


def _claimed(sandbox: Sandbox, webhook: Webhook, now: float) -> bool:
    news = change(webhook.task.answer(now))
    return news != webhook.told and sandbox.store.claim(webhook, news, final=webhook.task.is_final(now))
