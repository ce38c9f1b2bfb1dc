"""What the service answers, as frozen facts, and the pure functions that read them.

Nothing here trusts the service: a field that is absent, of another type, out of its range or absurdly
large becomes None or is left out, and nothing raises. The quirks are those of the documented v1 samples
(`percentage` is a string while a training runs and a number when it has finished, a running upload has no
`task_id`) and of its published clients (error text in `errors[].msg`, `message` or `error`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import cast

from apiframe_studio.strangers import plain

Say = Callable[[object], str]
"""How a text of the service becomes one that may be shown: `plain`, or a mask's."""

_STATES = {"pending": "queued", "staged": "queued", "starting": "queued", "completed": "finished"}
_TASK_ID = re.compile(r"[A-Za-z0-9._:~+/=@-]{1,200}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_LARGEST_COUNT = 10**15
_TRIGGER_WORD = re.compile(r"(?=.{1,100}$)[\w-]+( [\w-]+){0,2}")
_LONGEST_URL = 2048
_MOST_URLS = 20


class TaskState(StrEnum):
    """Where a task stands. Only `finished` and `failed` are final; an unknown status is `processing`."""

    QUEUED = "queued"
    PROCESSING = "processing"
    FINISHED = "finished"
    FAILED = "failed"


class TaskKind(StrEnum):
    """What a task is, judged from what it carries: v1 names the kind of a generation only."""

    TRAINING = "training"
    UPLOAD = "upload"
    GENERATION = "generation"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Task:
    """One task as `POST /fetch` and the webhook describe it."""

    task_id: str | None = None
    """The service's id; None where it sends none (a running upload) or one that no id can look like."""
    state: TaskState = TaskState.PROCESSING
    raw_status: str = ""
    """The service's own word for the state, "" when it said none."""
    kind: TaskKind = TaskKind.UNKNOWN
    percentage: float | None = None
    """0 to 100, or None when the service did not say or said something else."""
    message: str | None = None
    trigger_word: str | None = None
    """The word exactly as the service returned it, never a repaired or assumed one."""
    expires_at: datetime | None = None
    """Until when an upload can be trained on, aware; a time without a zone is read as UTC."""
    image_urls: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Codes of what was left out: odd_task_id, odd_percentage, odd_trigger_word, odd_expires_at,
    odd_image_urls."""


@dataclass(frozen=True)
class Accepted:
    """A paid request that the service took: its id, and whatever else the answer already said."""

    task_id: str
    task: Task


@dataclass(frozen=True)
class Generated:
    """A paid request for pictures that the service took: the pictures, or the id to fetch them by, or both."""

    task: Task
    task_id: str | None = None
    """None only when the pictures came at once without an id."""
    image_urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """One generated picture: `media_type` is image/jpeg, image/png or image/webp, told by its first bytes."""

    data: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True)
class Account:
    """`GET /account`: whose key this is, and what is left on it. Unknown is None, never 0."""

    email: str | None = None
    credits: float | int | None = None
    total_images: int | None = None
    plan: str | None = None


def read_task(data: object, say: Say = plain) -> Task:
    """Read one task. Anything but a JSON object is a task that says nothing."""
    fields = fields_of(data)
    task_id = read_task_id(fields.get("task_id"))
    percentage = read_percentage(fields.get("percentage"))
    trigger_word = read_trigger_word(fields.get("trigger_word"))
    expires_at = read_time(fields.get("expires_at"))
    image_urls = read_urls(fields.get("image_urls"))
    understood = {
        "task_id": task_id,
        "percentage": percentage,
        "trigger_word": trigger_word,
        "expires_at": expires_at,
        "image_urls": image_urls,
    }
    return Task(
        task_id=task_id,
        state=read_state(fields.get("status")),
        raw_status=say(fields.get("status")),
        kind=read_kind(fields),
        percentage=percentage,
        message=read_message(fields, say) or None,
        trigger_word=trigger_word,
        expires_at=expires_at,
        image_urls=image_urls,
        notes=tuple(f"odd_{name}" for name, value in understood.items() if _is_lost(fields.get(name), value)),
    )


def read_account(data: object, say: Say = plain) -> Account:
    """Read the account. `credits` and `total_images` may be numbers or numbers in a string."""
    fields = fields_of(data)
    total_images = read_number(fields.get("total_images"))
    return Account(
        email=say(fields.get("email")) or None,
        credits=read_number(fields.get("credits")),
        total_images=None if total_images is None else int(total_images),
        plan=say(fields.get("plan")) or None,
    )


def fields_of(data: object) -> dict[str, object]:
    """Return a JSON object as it is, and {} for everything else."""
    return cast("dict[str, object]", data) if isinstance(data, dict) else {}


def items_of(data: object) -> list[object]:
    """Return a JSON array as it is, and [] for everything else."""
    return cast("list[object]", data) if isinstance(data, list) else []


def read_state(status: object) -> TaskState:
    """Read a status in any case: pending staged starting processing finished failed retry retrying."""
    word = status.strip().lower() if isinstance(status, str) and len(status) < 100 else ""
    try:
        return TaskState(_STATES.get(word, word))
    except ValueError:
        return TaskState.PROCESSING


def read_kind(fields: dict[str, object]) -> TaskKind:
    """Judge what a task is from what it carries, for ids of unknown kind only; a bare status tells nothing.

    What only one kind was ever seen with comes first: the service adds fields to an answer without notice.
    """
    message = str(fields.get("message"))[:300].lower()
    if fields.get("trigger_word"):
        return TaskKind.TRAINING
    if fields.get("image_urls") or "generate" in str(fields.get("task_type"))[:100]:
        return TaskKind.GENERATION
    if fields.get("percentage") is not None:
        return TaskKind.TRAINING
    if fields.get("expires_at") or message.startswith(("training images are", "images ready")):
        return TaskKind.UPLOAD
    # "Training images could not be used" may be said of an upload and of a training.
    if message.startswith("training ") and not message.startswith("training images"):
        return TaskKind.TRAINING
    return TaskKind.UNKNOWN


def read_task_id(value: object) -> str | None:
    """Return an id that looks like one, or None. A whole number is taken too: a paid id must not be lost."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_COUNT:
        return str(value)
    return value if isinstance(value, str) and _TASK_ID.fullmatch(value) else None


def read_trigger_word(value: object) -> str | None:
    """Return the word if it can stand in a prompt as it is, else None: a repaired word is another word.

    One to three tokens of letters, digits, `_` and `-`. A sentence in its place would be a stranger's words in
    somebody's prompt.
    """
    if not isinstance(value, str) or not _TRIGGER_WORD.fullmatch(value):
        return None
    # Some letters cannot be seen, such as U+3164.
    return value if plain(value) == value else None


def read_percentage(value: object) -> float | None:
    """Read 40, "40", "40.5" or "40 %" as 40.0; None for NaN, booleans and everything outside 0 to 100."""
    number = read_number(value.removesuffix("%").strip() if isinstance(value, str) else value)
    return float(number) if number is not None and 0 <= number <= 100 else None


def read_number(value: object) -> float | int | None:
    """Read a finite number of sane size, also out of a string."""
    if isinstance(value, str):
        return _number_in(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # NaN compares false with everything, so it ends as None too.
    return value if -_LARGEST_COUNT < value < _LARGEST_COUNT else None


def _number_in(text: str) -> float | int | None:
    if not _NUMBER.fullmatch(text):
        return None
    return float(text) if "." in text else int(text)


def read_time(value: object) -> datetime | None:
    """Read ISO 8601, such as 2025-02-21T05:48:46.599Z, as an aware time in UTC."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) and len(value) < 100 else None
        return None if read is None else _in_utc(read)
    except (ValueError, OverflowError):
        return None


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def read_urls(value: object) -> tuple[str, ...]:
    """Return the http(s) addresses that can be shown as they are, at most 20."""
    return tuple(url for url in items_of(value)[:_MOST_URLS] if isinstance(url, str) and _is_web_address(url))


def _is_web_address(url: str) -> bool:
    ordinary = len(url) <= _LONGEST_URL and plain(url, _LONGEST_URL) == url and " " not in url
    return ordinary and url.lower().startswith(("https://", "http://"))


def read_message(fields: dict[str, object], say: Say = plain) -> str:
    """Return the service's words from wherever it put them: `message`, `error` or `errors[].msg`; or ""."""
    first = next(iter(items_of(fields.get("errors"))), None)
    for said in (fields.get("message"), fields.get("error"), first):
        inner = fields_of(said)
        for text in (said, inner.get("msg"), inner.get("message")):
            if words := say(text):
                return words
    return ""


def _is_lost(written: object, understood: object) -> bool:
    if isinstance(understood, tuple):
        return len(items_of(written)) > len(cast("tuple[object, ...]", understood))
    return written not in (None, "") and understood is None
