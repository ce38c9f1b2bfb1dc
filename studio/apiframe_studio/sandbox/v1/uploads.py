"""`/ai-photo-upload`: photos are decoded to check them, counted, and not kept."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from io import BytesIO

from apiframe_studio.file_threads import in_file_thread

from ..errors import ErrorResponse
from ..state import State
from ..tasks import PHOTO_SET_LIFETIME_SECONDS, JsonObject, PhotoSet
from .schemas import UploadBody
from .tasks import submit_task

CREDITS = 2
MAX_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP")


async def upload(state: State, body: UploadBody) -> JsonObject:
    """Accept a photo set at two credits."""
    await in_file_thread(check_images, body.images)
    now = state.now()
    photo_set = PhotoSet(
        task_id=str(uuid.uuid4()),
        submitted_at=now,
        seconds=state.upload_seconds,
        photos=len(body.images),
        expires_at=now + state.upload_seconds + PHOTO_SET_LIFETIME_SECONDS,
    )
    return submit_task(state, photo_set, CREDITS, body)


def check_images(images: Sequence[str]) -> None:
    """Raise ErrorResponse with a message for each text that is not a JPEG, PNG or WebP image in base64."""
    if bad := [index for index, text in enumerate(images) if not _is_image(text)]:
        raise ErrorResponse(*(f"images[{index}] is not an image in base64" for index in bad))


def _is_image(text: str) -> bool:
    from PIL import Image

    try:
        with Image.open(BytesIO(base64.b64decode(text, validate=True)), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return False
            image.draft(None, (1, 1))  # A JPEG is decoded to an eighth of its size, in half the time.
            image.load()
    except Exception:
        # Broad on purpose: damaged images raise any of the decoder's exceptions.
        return False
    return True
