"""The body of an upload: tens of megabytes of JSON that are never in memory at once."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Final

from anyio.lowlevel import checkpoint

from apiframe_studio.api.provider import OnBytesSent

# A multiple of three, so that the chunks of a photo join to one base64 text; 64 KiB when encoded.
_CHUNK: Final = 3 * 2**14
_SEPARATOR: Final = b'", "'
_END: Final = b'"]}'


class UploadBody:
    """A JSON object of `fields` and, last, the `images` in base64. It can be sent once or many times."""

    def __init__(
        self, fields: Mapping[str, object], images: Sequence[bytes], on_sent: OnBytesSent | None = None
    ) -> None:
        self._images = images
        self._on_sent = on_sent
        opened = json.dumps({**fields, "images": [""]}).encode()
        self._head = opened.removesuffix(_END)
        encoded = sum(4 * -(-len(image) // 3) for image in images)
        self.length = len(opened) + encoded + len(_SEPARATOR) * (len(images) - 1)
        """Bytes, known before the first is sent."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        done = 0
        for chunk in self._chunks():
            # A consumer that never waits, such as an embedded service, must let other tasks run.
            await checkpoint()
            yield chunk
            done += len(chunk)
            if self._on_sent is not None:
                self._on_sent(done, self.length)

    def _chunks(self) -> Iterator[bytes]:
        yield self._head
        for number, image in enumerate(self._images):
            if number:
                yield _SEPARATOR
            whole = memoryview(image)
            for start in range(0, len(image), _CHUNK):
                yield b64encode(whole[start : start + _CHUNK])
        yield _END
