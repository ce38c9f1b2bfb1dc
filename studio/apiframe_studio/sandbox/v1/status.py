"""`/fetch`, `/fetch-many` and `/account`: the free calls."""

from __future__ import annotations

from ..errors import ErrorResponse
from ..state import State
from ..tasks import JsonObject
from .schemas import FetchBody, FetchManyBody
from .submissions import find_task


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
