"""The body of a training: multipart form data of up to 100 MB that is never in memory at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from apiframe_studio.api.http.transport import StreamedBody
from apiframe_studio.api.provider import BeforeLastPart, OnBytesSent

_CHUNK: Final = 2**16


class UploadBody(StreamedBody):
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
        self.on_sent = on_sent
        self.before_last_part = before_last_part
        self._photos = photos
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
        self.last_part = f"--{boundary}--\r\n".encode()
        photo_bytes = sum(len(head) + len(photo) + 2 for head, photo in zip(self._heads, photos, strict=True))
        self.length = len(self._text) + photo_bytes + len(self.last_part)

    def chunks(self) -> Iterator[bytes]:
        """Yield the fields, and each photo in pieces."""
        yield self._text
        for head, photo in zip(self._heads, self._photos, strict=True):
            yield head
            whole = memoryview(photo)
            for start in range(0, len(photo), _CHUNK):
                yield bytes(whole[start : start + _CHUNK])
            yield b"\r\n"
