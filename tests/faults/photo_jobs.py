"""Jobs that prepare photos or generate images, and the responses of their service.

Checks, normalising and previews run in separate processes, before and after the paid request. They are replaced
here, so that a sweep of system calls covers the paid request and what is written about it.
"""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path
from struct import pack
from typing import Any
from unittest.mock import patch

from pydantic import SecretStr

from apiframe_studio import photo_sets
from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.clock import Clock
from apiframe_studio.errors import FolderUnusable, NotFetched, NotYetSent, Rejected
from apiframe_studio.images import ImageRequest
from apiframe_studio.ledger import Submission
from apiframe_studio.ledger.errors import LedgerError
from apiframe_studio.photos.folders import AllowedFolders
from apiframe_studio.photos.models import PhotoCheck
from apiframe_studio.photos.preparing import PreparedPhotos
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.training import Training
from apiframe_studio.trainings import TrainingRequest

IMAGE_PATH = "/images/1.png"
TRAINING_ID = "trained-1"
TASK_IDS = {"/ai-photo-upload": "uploaded-1", "/ai-photo-generate": "generated-1"}
TASKS: dict[str, dict[str, Any]] = {
    TRAINING_ID: {"task_id": TRAINING_ID, "status": "finished", "percentage": 100, "trigger_word": "TOKSIS"},
    "uploaded-1": {
        "task_id": "uploaded-1",
        "status": "finished",
        "message": "Images ready for training",
        "expires_at": "2099-02-21T05:48:46.599Z",
    },
    "generated-1": {
        "task_id": "generated-1",
        "status": "finished",
        "task_type": "ai-photo-generate",
        "image_urls": [IMAGE_PATH],
    },
}
_EXPECTED_ERRORS = (LedgerError, ApiframeError, NotYetSent, Rejected, NotFetched, FolderUnusable)


def _chunk(name: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))


PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    (
        _chunk(b"IHDR", pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(b"\0\0")),
        _chunk(b"IEND", b""),
    )
)


def _studio(job: dict[str, Any], clock: Clock | None) -> Studio:
    ledger = Path(job["ledger"])
    plan = StudioConfig(
        ledger,
        job["base_url"],
        SecretStr(job["key"]),
        output_folder=ledger.parent / "portraits",
        poll_seconds=0.01,
    )
    return Studio(plan, clock)


async def prepare(job: dict[str, Any], clock: Clock | None = None) -> dict[str, Any]:
    """Prepare the fewest photos that can be trained on; their fingerprint is `job["photos"]`."""
    studio = _studio(job, clock)
    terms = studio.terms.photos
    checked = PhotoCheck((), terms.min, 0, (), (), b"", AllowedFolders([]), terms)
    prepared = PreparedPhotos([b"\xff\xd8\xff" + bytes(2000)] * terms.min, (), job["photos"])

    async def check(*_: object) -> photo_sets.CheckedPhotos:
        return photo_sets.CheckedPhotos(checked, prepared, ())

    async def ignore_progress(_done: float, _of: float, _what: str) -> None:
        return

    request = photo_sets.PhotoSetRequest(["photos"], "female", "white", subject="Anna", consent_at=1.0)
    with patch.object(studio.photo_sets, "check_and_normalise", check):
        return await _run(studio, lambda: studio.photo_sets.prepare(request, ignore_progress, 5.0))


async def train_kept(job: dict[str, Any], clock: Clock | None = None) -> dict[str, Any]:
    """Start a training of the photos that `prepare` kept as `job["photos"]`."""
    studio = _studio(job, clock)
    return await _run(studio, lambda: studio.trainings.start(TrainingRequest(job["photos"])))


async def generate(job: dict[str, Any], clock: Clock | None = None) -> dict[str, Any]:
    """Generate one image with `job["photos"]` as the prompt."""
    studio = _studio(job, clock)

    async def previews(_: object) -> list[bytes]:
        return []

    async def check(_: object) -> None:
        """Skipped: the fault would hit the decoder process instead of the program."""

    request = ImageRequest(job["photos"], task_id=TRAINING_ID, seed=7)
    image_store = studio.image_store
    with patch.object(image_store, "previews", previews), patch.object(image_store, "check", check):
        return await _run(studio, lambda: studio.images.generate(request, 5.0))


async def _run(studio: Studio, verb: Any) -> dict[str, Any]:
    try:
        done = await verb()
        row: Submission | Training = getattr(done, "row", done)
    except _EXPECTED_ERRORS as error:
        return {"error": type(error).__name__}
    finally:
        with contextlib.suppress(LedgerError):
            await studio.aclose()
    return {"state": row.state, "task_id": row.task_id, "ref": row.ref}
