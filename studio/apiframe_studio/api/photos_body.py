"""The body of an upload: tens of megabytes of JSON that are never in memory at once."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence

from anyio.lowlevel import checkpoint

Sent = Callable[[int, int], None]
"""Is told how many bytes of a body have been handed to the system, and how many there are."""

# A multiple of three, so that the pieces of a picture join to one base64 text; 64 KiB when written.
_PIECE = 3 * 2**14
_BETWEEN = b'", "'
_END = b'"]}'


class PhotosBody:
    """A JSON object of `fields` and, last, the `images` in base64. It can be sent once or many times."""

    def __init__(
        self, fields: Mapping[str, object], images: Sequence[bytes], sent: Sent | None = None
    ) -> None:
        self._images = images
        self._sent = sent
        opened = json.dumps({**fields, "images": [""]}).encode()
        self._head = opened.removesuffix(_END)
        written = sum(4 * -(-len(image) // 3) for image in images)
        self.length = len(opened) + written + len(_BETWEEN) * (len(images) - 1)
        """Bytes, known before the first is sent."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        done = 0
        for piece in self._pieces():
            # Whoever takes the pieces without ever waiting, as an embedded service does, must let others live.
            await checkpoint()
            yield piece
            done += len(piece)
            if self._sent is not None:
                self._sent(done, self.length)

    def _pieces(self) -> Iterator[bytes]:
        yield self._head
        for number, image in enumerate(self._images):
            if number:
                yield _BETWEEN
            whole = memoryview(image)
            for start in range(0, len(image), _PIECE):
                yield b64encode(whole[start : start + _PIECE])
        yield _END
