"""`/ai-photo-generate` and the pictures behind its addresses.

A picture is a function of its task, so nothing but the task is kept, and a restart loses none.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import TYPE_CHECKING, cast

from apiframe_studio.file_threads import in_file_thread

from . import v1
from .errors import Refusal
from .progress import Status
from .schemas import WithWebhook
from .tasks import Answer, Generation, Portrait, Training

if TYPE_CHECKING:
    from . import schemas
    from .sandbox import Sandbox

PIXELS = 1024 * 1024
_NAME = re.compile(r"(?P<task_id>[0-9a-f-]{36})-(?P<number>[1-4])\.png")


def generate(sandbox: Sandbox, body: schemas.GenerateBody, base_url: str) -> Answer:
    """Make pictures at one credit each. Their addresses begin with `base_url`."""
    training = _finished_training(sandbox, body.training_id)
    task_id = str(uuid.uuid4())
    count = int(body.number_of_images)
    generation = Generation(
        task_id=task_id,
        submitted_at=sandbox.now(),
        seconds=sandbox.generation_seconds,
        portrait=portrait(training, body, task_id),
        image_urls=tuple(f"{base_url}/pictures/{task_id}-{number + 1}.png" for number in range(count)),
    )
    accepted = v1.submit(sandbox, generation, count, WithWebhook())
    return generation.answer(sandbox.now()) if sandbox.generation_seconds <= 0 else accepted


def portrait(training: Training, body: schemas.GenerateBody, task_id: str) -> Portrait:
    """What is asked for. The trigger word stands for the subject, and the service does not put it in."""
    width, height = picture_size(body.aspect_ratio, body.width, body.height)
    named = training.trigger_word.casefold() in body.prompt.casefold()
    return Portrait(
        subject=training.task_id if named else None,
        prompt=body.prompt,
        seed=body.seed if body.seed is not None else made_seed(task_id),
        width=width,
        height=height,
    )


def picture_size(aspect_ratio: str, width: str | None, height: str | None) -> tuple[int, int]:
    """Width and height in pixels: those asked for, or about a megapixel in multiples of 16."""
    if aspect_ratio == "custom":
        return int(cast(str, width)), int(cast(str, height))
    across, down = (int(side) for side in aspect_ratio.split(":"))
    unit = (PIXELS / (across * down)) ** 0.5
    return round(across * unit / 16) * 16, round(down * unit / 16) * 16


def made_seed(task_id: str) -> int:
    """A seed of 32 bits for those who gave none."""
    return int.from_bytes(hashlib.sha256(task_id.encode()).digest()[:4])


async def picture(sandbox: Sandbox, name: str) -> bytes:
    """The PNG of that name. Raises Refusal with 404 when no finished generation has it."""
    match = _NAME.fullmatch(name)
    task = sandbox.store.task(match["task_id"]) if match else None
    if match is None or not isinstance(task, Generation) or not _is_there(task, match, sandbox.now()):
        raise Refusal("Picture not found", status=404)
    return await in_file_thread(_draw, task.portrait, int(match["number"]))


def _is_there(task: Generation, name: re.Match[str], now: float) -> bool:
    return task.is_finished(now) and int(name["number"]) <= len(task.image_urls)


def _draw(portrait: Portrait, number: int) -> bytes:
    from .drawing import draw

    return draw(portrait, number)


def _finished_training(sandbox: Sandbox, training_id: str) -> Training:
    training = v1.find(sandbox, training_id)
    if not isinstance(training, Training):
        raise Refusal("training_id not found")
    match training.progress(sandbox.now()).status:
        case Status.FINISHED:
            return training
        case Status.FAILED:
            raise Refusal("The training of this training_id has failed")
        case _:
            raise Refusal("The training of this training_id is not finished")
