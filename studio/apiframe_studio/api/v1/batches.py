"""Which task of a `fetch-many` response belongs to which requested id."""

from __future__ import annotations

from collections.abc import Sequence

from apiframe_studio.api.http.json_values import array_or_empty
from apiframe_studio.api.http.redaction import Sanitizer
from apiframe_studio.api.provider import TaskStatus
from apiframe_studio.api.v1.wire import read_task
from apiframe_studio.sanitize import plain


def match_batch(
    requested: Sequence[str], response: object, sanitize: Sanitizer = plain
) -> dict[str, TaskStatus]:
    """Return the tasks that certainly belong to an id; the missing ones have to be fetched one by one.

    A task is matched by its id. One without an id (a running upload has none) is matched by its position, if there are
    as many tasks as ids and every task that has an id is at the position of that id. Two tasks with one id, and tasks
    without a status, are not trusted.
    """
    tasks = [read_task(item, sanitize) for item in array_or_empty(response)]
    by_id = {task_id: _find_only(task_id, tasks) for task_id in requested}
    found = {task_id: task for task_id, task in by_id.items() if task is not None}
    if _is_in_order(requested, tasks):
        by_position = zip(requested, tasks, strict=True)
        found |= {task_id: task for task_id, task in by_position if task.task_id is None}
    return {task_id: task for task_id, task in found.items() if task.raw_status}


def _find_only(task_id: str, tasks: Sequence[TaskStatus]) -> TaskStatus | None:
    candidates = [task for task in tasks if task.task_id == task_id]
    return candidates[0] if len(candidates) == 1 else None


def _is_in_order(requested: Sequence[str], tasks: Sequence[TaskStatus]) -> bool:
    if len(requested) != len(tasks):
        return False
    return all(task.task_id in (None, task_id) for task_id, task in zip(requested, tasks, strict=True))
