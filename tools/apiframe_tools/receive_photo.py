"""receive_photo: take one photo from the card of check_photos. No model sees this tool."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field, StringConstraints

from apiframe_studio.image_formats import detect_image_format
from apiframe_studio.inbox import BATCH, MAX_BYTES, MAX_PHOTOS
from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results import Result
from apiframe_tools.wording.phrases import pluralize

Batch = Annotated[
    str,
    StringConstraints(pattern=f"^{BATCH.pattern}$", max_length=8),
    Field(description="Of one choice of photos"),
]
Number = Annotated[int, Field(ge=1, le=MAX_PHOTOS, description="Of the photo in its batch")]
Data = Annotated[
    str, StringConstraints(max_length=MAX_BYTES * 4 // 3 + 4), Field(description="The photo, JPEG in base64")
]


class PhotoReceived(Result):
    """Where a batch of photos is, and how many are there."""

    folder: str
    photos: int
    next_step: str

    def __str__(self) -> str:
        return f"{pluralize(self.photos, 'photo')} in {self.folder}. Next: {self.next_step}"


async def receive_photo(batch: Batch, number: Number, data: Data, *, studio: RequestStudio) -> PhotoReceived:
    """Keep a photo that the user gave to the card of check_photos; on this machine, for a day."""
    try:
        jpeg = b64decode(data, validate=True)
    except binascii.Error:
        raise ToolError("data is not base64.") from None
    if detect_image_format(jpeg) != "JPEG":
        raise ToolError("data is not a JPEG.")
    try:
        folder, photos = await studio.inbox.keep(batch, number, jpeg)
    except OSError as error:
        raise ToolError(f"The photo could not be written ({error.strerror or 'unknown reason'}).") from error
    return PhotoReceived(folder=str(folder), photos=photos, next_step="call check_photos with the folder.")
