"""Small copies of pictures, for a chat."""

from __future__ import annotations

from collections.abc import Sequence

from apiframe_studio.photos._spread import spread
from apiframe_studio.photos.decoders import Refused, decoders
from apiframe_studio.photos.limits import Limits


async def previews(pictures: Sequence[bytes], *, limits: Limits | None = None) -> list[bytes]:
    """JPEGs of at most 512 pixels, in the same order; what cannot be decoded is left out.

    Raises DecodersFailed.
    """
    if not pictures:
        return []
    async with decoders(limits or Limits()) as pool:

        async def small(picture: bytes) -> bytes:
            try:
                _, (jpeg,) = await pool.ask({"job": "preview"}, [picture])
            except Refused:
                return b""
            return jpeg

        made = await spread(list(pictures), small, pool.width, None)
    return [jpeg for jpeg in made if jpeg]
