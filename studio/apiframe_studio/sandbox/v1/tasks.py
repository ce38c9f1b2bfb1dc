"""What the calls share, recording and finding tasks, and the free calls `/fetch`, `/fetch-many` and `/account`."""

from __future__ import annotations

from ..errors import ErrorResponse
from ..state import State
from ..store import NotEnoughCredits
from ..tasks import JsonObject, Task
from .ready_photo_sets import find_ready_photo_set
from .schemas import FetchBody, FetchManyBody, WebhookBody


def submit_task(state: State, task: Task, cost: int, webhook: WebhookBody | None = None) -> JsonObject:
    """Record a paid task and return the response. Raises ErrorResponse with 402 if the credits do not suffice."""
    url, secret = (webhook.webhook_url, webhook.webhook_secret) if webhook else (None, None)
    try:
        state.store.add_task(task, cost=cost, url=url, secret=secret)
    except NotEnoughCredits:
        raise ErrorResponse("Not enough credits", status=402) from None
    return {"task_id": task.task_id}


def find_task(state: State, task_id: str) -> Task | None:
    """Return a ready photo set or a task of the store."""
    return find_ready_photo_set(task_id, state.now()) or state.store.find_task(task_id)


def fetch(state: State, body: FetchBody) -> JsonObject:
    """Return the state of one task."""
    task = find_task(state, body.task_id)
    if task is None:
        raise ErrorResponse("Task not found", status=404)
    return task.to_json(state.now())


def fetch_many(state: State, body: FetchManyBody) -> JsonObject:
    """Return the state of 2 to 20 tasks. Unknown ids are left out; the service does not document this case."""
    tasks = [find_task(state, task_id) for task_id in body.task_ids]
    return {"tasks": [task.to_json(state.now()) for task in tasks if task is not None]}


def get_account(state: State) -> JsonObject:
    """Return the one account that all keys of this sandbox share."""
    return {
        "email": "user@sandbox.invalid",
        "credits": state.store.count_credits(),
        "total_images": state.store.count_images(),
        "plan": "sandbox",
    }
