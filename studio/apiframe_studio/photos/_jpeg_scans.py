"""Estimate the work of decoding a JPEG from its markers alone (ITU-T T.81, annex B), without decoding.

A progressive JPEG has several passes over all pixels. A few hundred kilobytes can request thousands of passes, which
take minutes whatever size is decoded.
"""

from __future__ import annotations

import re

MAX_SCANS = 64
MAX_SCANNED_PIXELS = 1_500_000_000

_SCAN, _END = 0xDA, 0xD9
_WITHOUT_BODY = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
# In compressed data 0xFF is followed by 0 or a restart marker; anything else is the next segment.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def count_scans(jpeg: bytes) -> int:
    """Return the passes of the first image in the file, at most `MAX_SCANS` + 1."""
    count, place = 0, 2
    while count <= MAX_SCANS and (found := _NEXT_MARKER.search(jpeg, place)):
        kind, place = jpeg[found.start() + 1], found.end()
        if kind == _END:
            break
        if kind in _WITHOUT_BODY:
            continue
        count += kind == _SCAN
        # The length of a segment includes its own two bytes; a shorter one is invalid.
        place += max(2, int.from_bytes(jpeg[place : place + 2], "big"))
    return count


def is_too_much_work(jpeg: bytes, pixels: int) -> bool:
    """Whether a JPEG with this many pixels has more passes than any program writes."""
    passes = count_scans(jpeg)
    return passes > MAX_SCANS or passes * pixels > MAX_SCANNED_PIXELS
