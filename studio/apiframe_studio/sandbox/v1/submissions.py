"""What the paid calls share: recording a task and finding one."""

from __future__ import annotations

from ..errors import ErrorResponse
from ..state import State
from ..store import NotEnoughCredits
from ..tasks import JsonObject, Task
from .ready_photo_sets import find_ready_photo_set
from .schemas import WebhookBody


def submit_task(state: State, task: Task, cost: int, webhook: WebhookBody | None = None) -> JsonObject:
    """Record a paid task and return the response. Raises ErrorResponse with 402 if the credits do not suffice.

    The service does not document 402; the sandbox gives it the form of 400.
    """
    url, secret = (webhook.webhook_url, webhook.webhook_secret) if webhook else (None, None)
    try:
        state.store.add_task(task, cost=cost, url=url, secret=secret)
    except NotEnoughCredits:
        raise ErrorResponse("Not enough credits", status=402) from None
    return {"task_id": task.task_id}


def find_task(state: State, task_id: str) -> Task | None:
    """Return a ready photo set or a task of the store."""
    return find_ready_photo_set(task_id, state.now()) or state.store.find_task(task_id)
