"""The v1 contract, call by call: what is read, what is checked, what is answered.

Each call takes a checked body and gives the JSON object to answer.
What the service documents nowhere (402, 404, unfinished photo sets) is answered in the form of its 400.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

from .errors import KeyRefused, Refusal
from .photo_sets import ready_photo_set
from .store import OutOfCredits
from .tasks import Answer, PhotoSet, Task, Training, change

if TYPE_CHECKING:
    from . import schemas
    from .sandbox import Sandbox

TRAINING_CREDITS_PER_PHOTO = 4
WRONG_KEY = "wrong-key"


def check_key(authorization: str | None) -> None:
    """Let any bare key pass. Raises KeyRefused for none, a wrong one or one with a scheme before it.

    A key of the other generation is told what it is, as the service does.
    """
    key = authorization or ""
    if key.startswith("afk_"):
        raise Refusal("API keys that begin with afk_ are for the v2 API")
    if not key.strip() or key == WRONG_KEY or " " in key.strip():
        raise KeyRefused


def train(sandbox: Sandbox, body: schemas.TrainBody) -> Answer:
    """Start a training; its price is four credits for each photo of the set."""
    photo_set = _photo_set(sandbox, body.training_images_id)
    task_id = str(uuid.uuid4())
    training = Training(
        task_id=task_id,
        submitted_at=sandbox.now(),
        seconds=sandbox.training_seconds,
        fails_after=0.5 if photo_set.unusable else None,
        trigger_word=body.trigger_word or made_trigger_word(task_id),
    )
    return submit(sandbox, training, photo_set.photos * TRAINING_CREDITS_PER_PHOTO, body)


def submit(sandbox: Sandbox, task: Task, cost: int, webhook: schemas.WithWebhook) -> Answer:
    """Record a paid task. Raises Refusal with 402 when the credits do not reach."""
    told = change(task.answer(task.submitted_at))
    try:
        sandbox.store.accept(
            task, cost=cost, told=told, url=webhook.webhook_url, secret=webhook.webhook_secret
        )
    except OutOfCredits:
        raise Refusal("Not enough credits", status=402) from None
    return {"task_id": task.task_id}


def fetch(sandbox: Sandbox, body: schemas.FetchBody) -> Answer:
    """What is known of one task."""
    task = find(sandbox, body.task_id)
    if task is None:
        raise Refusal("Task not found", status=404)
    return task.answer(sandbox.now())


def fetch_many(sandbox: Sandbox, body: schemas.FetchManyBody) -> Answer:
    """What is known of 2 to 20 tasks. Unknown ids are left out: the service documents nothing about them."""
    tasks = [find(sandbox, task_id) for task_id in body.task_ids]
    return {"tasks": [task.answer(sandbox.now()) for task in tasks if task is not None]}


def account(sandbox: Sandbox) -> Answer:
    """The account of everybody who uses this sandbox."""
    return {
        "email": "somebody@sandbox.invalid",
        "credits": sandbox.store.credits(),
        "total_images": sandbox.store.total_images(),
        "plan": "sandbox",
    }


def find(sandbox: Sandbox, task_id: str) -> Task | None:
    """A task of this store or a ready photo set."""
    return ready_photo_set(task_id, sandbox.now()) or sandbox.store.task(task_id)


def made_trigger_word(task_id: str) -> str:
    """A word like the TOKIKD of the service's own example, not the TOKMSN it documents as default."""
    digest = hashlib.sha256(task_id.encode()).digest()
    return "TOK" + "".join(chr(ord("A") + byte % 26) for byte in digest[:3])


def _photo_set(sandbox: Sandbox, training_images_id: str) -> PhotoSet:
    photo_set = find(sandbox, training_images_id)
    if not isinstance(photo_set, PhotoSet):
        raise Refusal("training_images_id not found")
    if not photo_set.is_finished(sandbox.now()):
        raise Refusal("training_images_id is still being processed")
    if photo_set.is_expired(sandbox.now()):
        raise Refusal("training_images_id has expired, upload the images again")
    return photo_set
