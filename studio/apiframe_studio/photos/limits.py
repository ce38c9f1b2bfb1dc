"""Limits for reading photos. Plain numbers, so that they can be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PHOTOS_CHECKED = 500
"""The most photos in one check."""
MAX_TILES = 60
"""The most photos on one contact sheet."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`bytes` and `pixels` of one photo, `seconds` for reading one, `memory` of one decoder in bytes.

    Photos of more than `large_pixels` that are decoded whole are read one at a time, over all processes. Phones and
    most cameras stay below 40 MB and 60 megapixels. The kernel enforces the memory limit where it has RLIMIT_AS
    (Linux); elsewhere, pixels and bytes limit it.
    """

    bytes: int = 40_000_000
    pixels: int = 60_000_000
    large_pixels: int = 16_000_000
    seconds: float = 10.0
    memory: int = 1_500_000_000
