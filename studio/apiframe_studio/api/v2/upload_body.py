"""The body of a training: multipart form data of up to 100 MB that is never in memory at once."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Final

from anyio.lowlevel import checkpoint

from apiframe_studio.api.provider import BeforeLastPart, OnBytesSent

_CHUNK: Final = 2**16


class UploadBody:
    """Form data: the text `fields`, then the `photos` (JPEG) under neutral file names.

    Its last part is the closing boundary alone. Without that the service cannot have received a complete request.
    httpx can make form data too, and has no place to wait before its end.
    """

    def __init__(
        self,
        fields: Mapping[str, str],
        photos: Sequence[bytes],
        on_sent: OnBytesSent | None = None,
        before_last_part: BeforeLastPart | None = None,
    ) -> None:
        self._photos = photos
        self._on_sent = on_sent
        self._before_last_part = before_last_part
        # 128 random bits: no photo contains them by chance.
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._text = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        )
        self._heads = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="images"; filename="{number:02}.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n".encode()
            for number in range(1, len(photos) + 1)
        ]
        self._end = f"--{boundary}--\r\n".encode()
        photo_bytes = sum(len(head) + len(photo) + 2 for head, photo in zip(self._heads, photos, strict=True))
        self.length = len(self._text) + photo_bytes + len(self._end)
        """Bytes, known before the first is sent."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        done = 0
        for chunk in self._chunks():
            # A consumer that never waits, such as an embedded service, must let other tasks run.
            await checkpoint()
            if chunk is self._end and self._before_last_part is not None:
                await self._before_last_part()
            yield chunk
            done += len(chunk)
            if self._on_sent is not None:
                self._on_sent(done, self.length)

    def _chunks(self) -> Iterator[bytes]:
        yield self._text
        for head, photo in zip(self._heads, self._photos, strict=True):
            yield head
            whole = memoryview(photo)
            for start in range(0, len(photo), _CHUNK):
                yield bytes(whole[start : start + _CHUNK])
            yield b"\r\n"
        yield self._end
