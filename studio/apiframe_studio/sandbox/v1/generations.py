"""`/ai-photo-generate` and the images behind its URLs.

An image is a function of its task and is drawn on request, so only the task is kept and a restart loses none.
"""

from __future__ import annotations

import re
import uuid
from typing import cast

from apiframe_studio.file_threads import in_file_thread

from ..errors import ErrorResponse
from ..progress import Status
from ..state import State
from ..tasks import Generation, JsonObject, Portrait, Training, derive_seed
from .schemas import GenerateBody
from .tasks import find_task, submit_task

CREDITS_PER_IMAGE = 1
TARGET_PIXELS = 1024 * 1024
_IMAGE_NAME = re.compile(r"(?P<task_id>[0-9a-f-]{36})-(?P<number>[1-4])\.png")


def generate(state: State, body: GenerateBody, base_url: str) -> JsonObject:
    """Generate images at one credit each. Their URLs begin with `base_url`."""
    training = _require_training(state, body.training_id)
    task_id = str(uuid.uuid4())
    count = int(body.number_of_images)
    generation = Generation(
        task_id=task_id,
        submitted_at=state.now(),
        seconds=state.generation_seconds,
        portrait=build_portrait(training, body, task_id),
        image_urls=tuple(f"{base_url}/pictures/{task_id}-{number + 1}.png" for number in range(count)),
    )
    accepted = submit_task(state, generation, count * CREDITS_PER_IMAGE)
    return accepted if state.generation_seconds > 0 else generation.to_json(state.now())


def build_portrait(training: Training, body: GenerateBody, task_id: str) -> Portrait:
    """Return what to draw. Only a prompt with the trigger word shows the subject: the service does not add it."""
    width, height = compute_size(body.aspect_ratio, body.width, body.height)
    has_trigger_word = training.trigger_word.casefold() in body.prompt.casefold()
    return Portrait(
        subject=training.task_id if has_trigger_word else None,
        prompt=body.prompt,
        seed=body.seed if body.seed is not None else derive_seed(task_id),
        width=width,
        height=height,
    )


def compute_size(aspect_ratio: str, width: str | None, height: str | None) -> tuple[int, int]:
    """Return width and height in pixels: as requested, or about a megapixel in multiples of 16."""
    if aspect_ratio == "custom":
        return int(cast(str, width)), int(cast(str, height))
    across, down = (int(side) for side in aspect_ratio.split(":"))
    unit = (TARGET_PIXELS / (across * down)) ** 0.5
    return round(across * unit / 16) * 16, round(down * unit / 16) * 16


async def render_image(state: State, name: str) -> bytes:
    """Return the PNG with this name. Raises ErrorResponse with 404 unless a finished generation has it."""
    from ..drawing import draw_image

    match = _IMAGE_NAME.fullmatch(name)
    task = state.store.find_task(match["task_id"]) if match else None
    if match is None or not isinstance(task, Generation) or not _has_image(task, match, state.now()):
        raise ErrorResponse("Image not found", status=404)
    return await in_file_thread(draw_image, task.portrait, int(match["number"]))


def _has_image(task: Generation, name: re.Match[str], now: float) -> bool:
    return task.is_finished(now) and int(name["number"]) <= len(task.image_urls)


def _require_training(state: State, training_id: str) -> Training:
    training = find_task(state, training_id)
    if not isinstance(training, Training):
        raise ErrorResponse("training_id not found")
    match training.progress(state.now()).status:
        case Status.FINISHED:
            return training
        case Status.FAILED:
            raise ErrorResponse("The training of this training_id has failed")
        case _:
            raise ErrorResponse("The training of this training_id is not finished")
