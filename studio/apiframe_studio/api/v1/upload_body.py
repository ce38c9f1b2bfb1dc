"""The body of an upload: tens of megabytes of JSON that are never in memory at once."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from apiframe_studio.api.http.transport import StreamedBody
from apiframe_studio.api.provider import OnBytesSent

# A multiple of three, so that the chunks of a photo join to one base64 text; 64 KiB when encoded.
_CHUNK: Final = 3 * 2**14
_SEPARATOR: Final = b'", "'


class UploadBody(StreamedBody):
    """A JSON object of `fields` and, last, the `images` in base64."""

    last_part = b'"]}'

    def __init__(
        self, fields: Mapping[str, object], images: Sequence[bytes], on_sent: OnBytesSent | None = None
    ) -> None:
        self.on_sent = on_sent
        self._images = images
        opened = json.dumps({**fields, "images": [""]}).encode()
        self._head = opened.removesuffix(self.last_part)
        encoded = sum(4 * -(-len(image) // 3) for image in images)
        self.length = len(opened) + encoded + len(_SEPARATOR) * (len(images) - 1)

    def chunks(self) -> Iterator[bytes]:
        """Yield each photo in pieces."""
        yield self._head
        for number, image in enumerate(self._images):
            if number:
                yield _SEPARATOR
            whole = memoryview(image)
            for start in range(0, len(image), _CHUNK):
                yield b64encode(whole[start : start + _CHUNK])
