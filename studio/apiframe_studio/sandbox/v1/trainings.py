"""`/ai-photo-train`."""

from __future__ import annotations

import uuid

from ..errors import ErrorResponse
from ..state import State
from ..tasks import JsonObject, PhotoSet, Training, derive_letters
from .schemas import TrainBody
from .tasks import find_task, submit_task

CREDITS_PER_PHOTO = 4


def train(state: State, body: TrainBody) -> JsonObject:
    """Start a training at four credits for each photo of the set."""
    photo_set = _require_photo_set(state, body.training_images_id)
    task_id = str(uuid.uuid4())
    training = Training(
        task_id=task_id,
        submitted_at=state.now(),
        seconds=state.training_seconds,
        fails_after=0.5 if photo_set.unusable else None,
        # A word like TOKIKD in the service's example, not the TOKMSN that it documents as the default.
        trigger_word=body.trigger_word or "TOK" + derive_letters(task_id, 3),
    )
    return submit_task(state, training, photo_set.photos * CREDITS_PER_PHOTO, body)


def _require_photo_set(state: State, training_images_id: str) -> PhotoSet:
    photo_set = find_task(state, training_images_id)
    if not isinstance(photo_set, PhotoSet):
        raise ErrorResponse("training_images_id not found")
    if not photo_set.is_finished(state.now()):
        raise ErrorResponse("training_images_id is still being processed")
    if photo_set.is_expired(state.now()):
        raise ErrorResponse("training_images_id has expired, upload the images again")
    return photo_set
