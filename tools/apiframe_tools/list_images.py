"""list_images: images that were made earlier."""

from __future__ import annotations

from apiframe_tools.mcp.parameters import Cursor, Limit, Subject
from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results.earlier_images import ImageList


async def list_images(
    subject: Subject | None = None,
    limit: Limit = 20,
    cursor: Cursor | None = None,
    *,
    studio: RequestStudio,
) -> ImageList:
    """List images made earlier, newest first, with files, prompt, seed, size and trigger word.

    Free. For another one like them, pass their ref as like to generate_photos.
    """
    return ImageList.of(await studio.image_history.list(subject=subject, limit=limit, cursor=cursor))
