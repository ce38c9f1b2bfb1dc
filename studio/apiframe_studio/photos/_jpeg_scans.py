"""How much work a JPEG asks for, told from its markers alone (ITU-T T.81, annex B). Decodes nothing.

A progressive file sends its picture in several passes over all pixels. A few hundred kilobytes can ask for
thousands of passes, which takes minutes whatever size it is decoded at.
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
    """The passes of the first picture in the file; one more than `MAX_SCANS` stands for any larger number."""
    count, place = 0, 2
    while count <= MAX_SCANS and (found := _NEXT_MARKER.search(jpeg, place)):
        kind, place = jpeg[found.start() + 1], found.end()
        if kind == _END:
            break
        if kind in _WITHOUT_BODY:
            continue
        count += kind == _SCAN
        # The length of a segment counts its own two bytes; a shorter one is a lie that leads nowhere.
        place += max(2, int.from_bytes(jpeg[place : place + 2], "big"))
    return count


def is_too_much_work(jpeg: bytes, pixels: int) -> bool:
    """Whether a JPEG of so many pixels asks for more passes than any program writes."""
    passes = count_scans(jpeg)
    return passes > MAX_SCANS or passes * pixels > MAX_SCANNED_PIXELS
