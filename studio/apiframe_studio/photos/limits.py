"""The limits under which pictures are read. Plain numbers, so that they travel to another process."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PHOTOS_CHECKED = 500
"""How many pictures one check looks at."""
MAX_TILES = 60
"""How many pictures one contact sheet shows."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`bytes` and `pixels` of one picture, `seconds` for reading one, `memory` of one decoder in bytes.

    Of pictures of more than `large_pixels` that are decoded whole, one is read at a time in all processes.
    40 MB and 60 megapixels hold what phones and most cameras write. The memory limit is kept by the kernel
    where it has RLIMIT_AS (Linux); elsewhere pixels and bytes bound it.
    """

    bytes: int = 40_000_000
    pixels: int = 60_000_000
    large_pixels: int = 16_000_000
    seconds: float = 10.0
    memory: int = 1_500_000_000
