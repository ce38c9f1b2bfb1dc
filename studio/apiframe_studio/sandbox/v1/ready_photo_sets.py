"""Photo sets that every sandbox has from the start, so that a training can be tried without an upload."""

from __future__ import annotations

from ..tasks import PHOTO_SET_LIFETIME_SECONDS, PhotoSet

GOOD = "sandbox-person"
EXPIRED = "sandbox-expired"
UNUSABLE = "sandbox-bad-photos"

_EXAMPLE_EXPIRY = 1740116926.599
"""2025-02-21T05:48:46.599Z, the expiry in the service's own example."""


def find_ready_photo_set(task_id: str, now: float) -> PhotoSet | None:
    """Return the ready set with this id at `now` (seconds since the epoch), or None.

    `sandbox-person` trains successfully, `sandbox-expired` is rejected, `sandbox-bad-photos` fails at 50 percent.
    """
    if task_id not in (GOOD, EXPIRED, UNUSABLE):
        return None
    return PhotoSet(
        task_id=task_id,
        submitted_at=_EXAMPLE_EXPIRY,
        seconds=0,
        photos=12,
        expires_at=_EXAMPLE_EXPIRY if task_id == EXPIRED else now + PHOTO_SET_LIFETIME_SECONDS,
        unusable=task_id == UNUSABLE,
    )
