"""Small copies of pictures, for a chat; making one shows that a picture can be decoded to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress

from apiframe_studio.photos.decoders import DecodeFailed, decoders
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import Reason

Read = Callable[[], Awaitable[bytes | None]]
"""Brings one picture when its turn comes; None or nothing when there is none."""


class Undecodable(Exception):
    """Bytes that are no whole picture, or more of one than the limits allow."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


def decoders_stay() -> AbstractAsyncContextManager[object]:
    """While it is entered, a decoder process that was started waits for the next picture."""
    return decoders(Limits(), 1)


async def preview(picture: bytes, *, limits: Limits | None = None) -> bytes:
    """A JPEG of at most 512 pixels, from every byte of the picture. Raises Undecodable, DecodersFailed."""
    async with decoders(limits or Limits(), 1) as pool:
        try:
            _, (jpeg,) = await pool.ask({"job": "preview"}, [picture])
        except DecodeFailed as failure:
            raise Undecodable(failure.reason) from None
    return jpeg


async def previews(reads: Iterable[Read], *, limits: Limits | None = None) -> list[bytes]:
    """Previews in the same order; what is not there or cannot be decoded is left out.

    One picture is in memory at a time. Raises DecodersFailed.
    """
    made: list[bytes] = []
    async with decoders(limits or Limits(), 1) as pool:
        for read in reads:
            if picture := await read():
                with suppress(DecodeFailed):
                    _, (jpeg,) = await pool.ask({"job": "preview"}, [picture])
                    made.append(jpeg)
    return made
