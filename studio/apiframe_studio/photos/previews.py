"""Small copies of images, for a chat. Making one also verifies that the image can be decoded completely."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from apiframe_studio.photos.decoders import open_decoders
from apiframe_studio.photos.errors import DecodeFailed
from apiframe_studio.photos.limits import Limits

Read = Callable[[], Awaitable[bytes | None]]
"""Reads one image when it is needed; None or empty if there is none."""


async def make_preview(image: bytes) -> bytes:
    """Decode the whole image and return a JPEG of at most 512 pixels. Raises DecodeFailed, DecodersFailed."""
    async with open_decoders(Limits(), 1) as pool:
        _, (jpeg,) = await pool.ask({"job": "preview"}, [image])
    return jpeg


async def make_previews(reads: Iterable[Read]) -> list[bytes]:
    """Return previews in the same order, without images that are missing or cannot be decoded.

    Only one image is in memory at a time. Raises DecodersFailed.
    """
    made: list[bytes] = []
    async with open_decoders(Limits(), 1) as pool:
        for read in reads:
            if image := await read():
                with suppress(DecodeFailed):
                    _, (jpeg,) = await pool.ask({"job": "preview"}, [image])
                    made.append(jpeg)
    return made
