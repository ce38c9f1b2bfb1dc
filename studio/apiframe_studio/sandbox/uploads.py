"""`/ai-photo-upload`: pictures are decoded to see that they are pictures, counted, and not kept."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from apiframe_studio.file_threads import in_file_thread

from . import v1
from .errors import Refusal
from .tasks import PHOTO_SET_LIFETIME, Answer, PhotoSet

if TYPE_CHECKING:
    from . import schemas
    from .sandbox import Sandbox

UPLOAD_CREDITS = 2
PIXEL_LIMIT = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP")


async def upload(sandbox: Sandbox, body: schemas.UploadBody) -> Answer:
    """Take a photo set. Raises Refusal that names the places of those that are not base64 pictures."""
    await in_file_thread(check_images, body.images)
    now = sandbox.now()
    photo_set = PhotoSet(
        task_id=str(uuid.uuid4()),
        submitted_at=now,
        seconds=sandbox.upload_seconds,
        photos=len(body.images),
        expires_at=now + sandbox.upload_seconds + PHOTO_SET_LIFETIME,
    )
    return v1.submit(sandbox, photo_set, UPLOAD_CREDITS, body)


def check_images(images: Sequence[str]) -> None:
    """Raises Refusal with a sentence for each text that is not a JPEG, PNG or WebP picture in base64."""
    bad = [place for place, text in enumerate(images) if not _is_picture(text)]
    if bad:
        raise Refusal(*(f"images[{place}] is not an image in base64" for place in bad))


def _is_picture(text: str) -> bool:
    from PIL import Image

    try:
        with Image.open(BytesIO(base64.b64decode(text, validate=True)), formats=FORMATS) as picture:
            if picture.width * picture.height > PIXEL_LIMIT:
                return False
            picture.load()
    except Exception:
        # Broad on purpose: damaged pictures raise whatever their decoder stumbles over.
        return False
    return True
