"""What the calls share, recording and finding tasks, and the free calls `/fetch`, `/fetch-many` and `/account`."""

from __future__ import annotations

from ..errors import ErrorResponse
from ..state import State
from ..tasks import PHOTO_SET_LIFETIME_SECONDS, JsonObject, PhotoSet, Task
from .schemas import FetchBody, FetchManyBody, WebhookBody

GOOD = "sandbox-person"
EXPIRED = "sandbox-expired"
UNUSABLE = "sandbox-bad-photos"

_EXAMPLE_EXPIRY = 1740116926.599
"""2025-02-21T05:48:46.599Z, the expiry in the service's own example."""


def submit_task(state: State, task: Task, cost: int, webhook: WebhookBody | None = None) -> JsonObject:
    """Record a paid task and return the response. Raises ErrorResponse with 402 if the credits do not suffice."""
    url, secret = (webhook.webhook_url, webhook.webhook_secret) if webhook else (None, None)
    state.store.add_task(task, cost=cost, url=url, secret=secret)
    return {"task_id": task.task_id}


def find_ready_photo_set(task_id: str, now: float) -> PhotoSet | None:
    """Return the ready set with this id at `now` (seconds since the epoch), or None.

    `sandbox-person` trains successfully, `sandbox-expired` is rejected, `sandbox-bad-photos` fails at 50 percent.
    """
    if task_id not in (GOOD, EXPIRED, UNUSABLE):
        return None
    return PhotoSet(
        task_id=task_id,
        submitted_at=_EXAMPLE_EXPIRY,
        seconds=0,
        photos=12,
        expires_at=_EXAMPLE_EXPIRY if task_id == EXPIRED else now + PHOTO_SET_LIFETIME_SECONDS,
        unusable=task_id == UNUSABLE,
    )


def find_task(state: State, task_id: str) -> Task | None:
    """Return a ready photo set or a task of the store."""
    return find_ready_photo_set(task_id, state.now()) or state.store.find_task(task_id)


def fetch(state: State, body: FetchBody) -> JsonObject:
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
