"""check_photos: rate photos locally before anything is paid for."""

from __future__ import annotations

from typing import Final

from apiframe_tools.mcp.parameters import Paths
from apiframe_tools.mcp.request import Progress, RequestStudio
from apiframe_tools.results.photos import PhotosChecked

MAX_SECONDS: Final = 40.0


async def check_photos(paths: Paths, *, studio: RequestStudio, on_progress: Progress) -> PhotosChecked:
    """Check locally which photos are usable for training, and why the others are not.

    Free; sends nothing. Returns the full price, what to photograph next, and a contact sheet. prepare_photos
    repeats this check.
    """
    checked = await studio.photo_sets.check(paths, on_progress, MAX_SECONDS)
    return PhotosChecked.of(checked, studio.terms)
