"""Photo sets that every sandbox has from the start, so that a training can be tried before any upload."""

from __future__ import annotations

from .tasks import PHOTO_SET_LIFETIME, PhotoSet

PERSON = "sandbox-person"
EXPIRED = "sandbox-expired"
BAD_PHOTOS = "sandbox-bad-photos"

_LONG_AGO = 1740116926.599
"""2025-02-21T05:48:46.599Z, the expiry in the service's own example."""


def ready_photo_set(task_id: str, now: float) -> PhotoSet | None:
    """The ready set of that name at `now` (seconds since the epoch), or None.

    `sandbox-person` trains well, `sandbox-expired` is refused, `sandbox-bad-photos` fails half-way.
    """
    expiry = {PERSON: now + PHOTO_SET_LIFETIME, EXPIRED: _LONG_AGO, BAD_PHOTOS: now + PHOTO_SET_LIFETIME}
    if task_id not in expiry:
        return None
    return PhotoSet(
        task_id=task_id,
        submitted_at=_LONG_AGO,
        seconds=0,
        photos=12,
        expires_at=expiry[task_id],
        unusable=task_id == BAD_PHOTOS,
    )
