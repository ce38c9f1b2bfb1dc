"""Reading the JSON of v1. Pure.

Nothing here trusts the service: a field that is absent, of another type, out of range or absurdly large becomes None or
is left out, and nothing raises. The quirks are those of the documented samples (`percentage` is a string while a
training runs and a number when it has finished, a running upload has no `task_id`) and of published clients (error text
in `errors[].msg`, `message` or `error`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from apiframe_studio.api.http.json_values import (
    MAX_COUNT,
    array_or_empty,
    object_or_empty,
    read_number,
    read_time,
    read_trigger_word,
)
from apiframe_studio.api.http.redaction import Redactor, Sanitizer
from apiframe_studio.api.http.responses import ResponseFormat
from apiframe_studio.api.provider import Account, Kind, TaskState, TaskStatus
from apiframe_studio.api.urls import keep_web_urls

_STATES: Final = {"pending": "queued", "staged": "queued", "starting": "queued", "completed": "finished"}
_NOTED: Final = ("task_id", "percentage", "trigger_word", "expires_at", "image_urls")
_TASK_ID: Final = re.compile(r"[A-Za-z0-9._:~+/=@-]{1,200}")


def read_task(data: object, redactor: Redactor) -> TaskStatus:
    """Read one task, as `POST /fetch` and the webhook describe it. Anything but a JSON object is an empty status."""
    fields = object_or_empty(data)
    task = TaskStatus(
        task_id=redactor.keep_value(read_task_id(fields.get("task_id"))),
        state=read_state(fields.get("status")),
        raw_status=redactor.sanitize(fields.get("status")),
        kind=guess_kind(fields),
        percentage=read_percentage(fields.get("percentage")),
        message=read_message(fields, redactor.sanitize) or None,
        trigger_word=redactor.keep_value(read_trigger_word(fields.get("trigger_word"))),
        expires_at=read_time(fields.get("expires_at")),
        image_urls=redactor.keep_links(read_image_urls(fields)),
    )
    lost = [name for name in _NOTED if _is_lost(fields.get(name), getattr(task, name))]
    return replace(task, notes=tuple(f"odd_{name}" for name in lost))


def match_batch(requested: Sequence[str], response: object, redactor: Redactor) -> dict[str, TaskStatus]:
    """Return the tasks that certainly belong to an id; the missing ones have to be fetched one by one.

    A task is matched by its id. One without an id (a running upload has none) is matched by its position, if there are
    as many tasks as ids and every task that has an id is at the position of that id. Two tasks with one id, and tasks
    without a status, are not trusted.
    """
    tasks = [read_task(item, redactor) for item in array_or_empty(response)]
    counts = Counter(task.task_id for task in tasks)
    found = {task.task_id: task for task in tasks if task.task_id in requested and counts[task.task_id] == 1}
    by_position = list(zip(requested, tasks, strict=False))
    if len(requested) == len(tasks) and all(task.task_id in (None, task_id) for task_id, task in by_position):
        found |= {task_id: task for task_id, task in by_position if task.task_id is None}
    return {task_id: task for task_id, task in found.items() if task_id and task.raw_status}


def read_account(data: object, redactor: Redactor) -> Account:
    """Read the account. `credits` may be a number or a number in a string."""
    fields = object_or_empty(data)
    return Account(
        credits=read_number(fields.get("credits")), plan=redactor.sanitize(fields.get("plan")) or None
    )


def read_state(status: object) -> TaskState:
    """Read a status in any case: pending staged starting processing finished failed retry retrying."""
    word = status.strip().lower() if isinstance(status, str) and len(status) < 100 else ""
    try:
        return TaskState(_STATES.get(word, word))
    except ValueError:
        return TaskState.PROCESSING


def guess_kind(fields: Mapping[str, object]) -> Kind | None:
    """Return the kind of a task as its fields show it, for ids of unknown kind; a bare status shows nothing.

    Fields that only one kind was ever seen with come first: the service adds fields to a response without notice.
    """
    message = str(fields.get("message"))[:300].lower()
    if fields.get("trigger_word"):
        return Kind.TRAINING
    if fields.get("image_urls") or "generate" in str(fields.get("task_type"))[:100]:
        return Kind.GENERATION
    if fields.get("percentage") is not None:
        return Kind.TRAINING
    if fields.get("expires_at") or message.startswith(("training images are", "images ready")):
        return Kind.UPLOAD
    # "Training images could not be used" may be said of an upload and of a training.
    if message.startswith("training ") and not message.startswith("training images"):
        return Kind.TRAINING
    return None


def read_task_id(value: object) -> str | None:
    """Return an id that looks like one, or None. An integer is accepted too: a paid id must not be lost."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_COUNT:
        return str(value)
    return value if isinstance(value, str) and _TASK_ID.fullmatch(value) else None


def read_image_urls(fields: Mapping[str, object]) -> tuple[str, ...]:
    """Return the links of generated images that can be shown unchanged."""
    return keep_web_urls(array_or_empty(fields.get("image_urls")))


def read_percentage(value: object) -> float | None:
    """Read 40, "40", "40.5" or "40 %" as 40.0; None for NaN, booleans and everything outside 0 to 100."""
    number = read_number(value.removesuffix("%").strip() if isinstance(value, str) else value)
    return float(number) if number is not None and 0 <= number <= 100 else None


def read_message(fields: Mapping[str, object], sanitize: Sanitizer) -> str:
    """Return the service's message from wherever it is: `message`, `error` or `errors[].msg`; or ""."""
    first = next(iter(array_or_empty(fields.get("errors"))), None)
    for candidate in (fields.get("message"), fields.get("error"), first):
        inner = object_or_empty(candidate)
        for text in (candidate, inner.get("msg"), inner.get("message")):
            if message := sanitize(text):
                return message
    return ""


def _is_lost(written: object, read: object) -> bool:
    if isinstance(read, tuple):
        return len(array_or_empty(written)) > len(cast("tuple[object, ...]", read))
    return written not in (None, "") and read is None


RESPONSE_FORMAT: Final = ResponseFormat(
    read_message=read_message, task_id_field=re.compile(r'"task_id"\s*:\s*"([A-Za-z0-9_-]{8,128})"')
)
