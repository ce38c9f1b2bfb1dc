"""The tool that looks at photos before money is spent."""

from __future__ import annotations

from typing import Final

from apiframe_tools.mcp.parameters import Paths
from apiframe_tools.mcp.request import Progress, RequestStudio
from apiframe_tools.results.photos import PhotosChecked

MAX_SECONDS: Final = 40.0


async def check_photos(paths: Paths, *, studio: RequestStudio, on_progress: Progress) -> PhotosChecked:
    """Judge photos of a person for a training, on this machine: good, doubtful or rejected, and why.

    Free; sends nothing. Returns the price of going on, what to photograph next, and a contact sheet.
    prepare_photos checks again by itself.
    """

    return PhotosChecked.of(await studio.photo_sets.check(paths, on_progress, MAX_SECONDS))
