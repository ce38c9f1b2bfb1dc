"""Which task of a `fetch-many` answer belongs to which id that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from apiframe_studio.api.models import Say, Task, items_of, read_task
from apiframe_studio.strangers import plain


def matched(asked: Sequence[str], answered: object, say: Say = plain) -> dict[str, Task]:
    """Return the tasks that surely belong to an id; what is missing here has to be fetched singly.

    A task is known by its own id. One without an id (a running upload has none) is known by its place, if
    there are as many tasks as ids and every task that has an id stands in its own place. Two tasks with
    one id, and tasks without a status, are not trusted.
    """
    tasks = [read_task(item, say) for item in items_of(answered)]
    by_id = {task_id: _only(task_id, tasks) for task_id in asked}
    found = {task_id: task for task_id, task in by_id.items() if task is not None}
    if _stand_in_order(asked, tasks):
        placed = zip(asked, tasks, strict=True)
        found |= {task_id: task for task_id, task in placed if task.task_id is None}
    return {task_id: task for task_id, task in found.items() if task.raw_status}


def _only(task_id: str, tasks: Sequence[Task]) -> Task | None:
    candidates = [task for task in tasks if task.task_id == task_id]
    return candidates[0] if len(candidates) == 1 else None


def _stand_in_order(asked: Sequence[str], tasks: Sequence[Task]) -> bool:
    if len(asked) != len(tasks):
        return False
    return all(task.task_id in (None, task_id) for task_id, task in zip(asked, tasks, strict=True))
