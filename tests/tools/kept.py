"""A photo set that waits on this machine, without the work of checking and normalising photos."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image

from apiframe_studio.ledger import NewUpload

from .conftest import Session


@cache
def jpegs(count: int) -> tuple[bytes, ...]:
    """Small photos, no two alike."""
    return tuple(_jpeg(number) for number in range(count))


async def keep_set(session: Session, count: int = 15, subject: str | None = "Anna", print_: str = "a") -> str:
    """Keep a set of so many photos, and return its ref: the training_images_id of start_training."""
    new = NewUpload(print_ * 64, "digest", subject=subject, photo_count=count, consent_at=session.clock.now())
    said = {"gender": "female", "ethnicity": "Mixed", "age": "early 30s"}
    row, _ = await session.studio.kept_sets.keep(new, jpegs(count), **said)
    return row.ref


def _jpeg(number: int) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (64, 64), (number * 7 % 256, number * 31 % 256, 90)).save(body, "JPEG")
    return body.getvalue()
