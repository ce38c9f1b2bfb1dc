"""The messages between the server and a decoder process: a JSON head and byte strings in one frame.

Not pickle: a reply from a process that has read untrusted bytes must be data, never code.

    4 bytes length of head | head {"…": …, "sizes": [n, …]} | n bytes | …
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from apiframe_studio.photos.models import Box, Facts

PREFIX = 4
MAX_HEAD_BYTES = 8_000_000
MAX_BODY_BYTES = 64_000_000
_FORMATS = frozenset({"JPEG", "PNG", "WEBP", "HEIF", "AVIF"})
_MAX_FACES = 50


def pack_head(head: dict[str, Any], blobs: Sequence[bytes]) -> bytes:
    """Return the frame without its byte strings, so that a sender need not copy them."""
    text = json.dumps({**head, "sizes": [len(blob) for blob in blobs]}).encode()
    return len(text).to_bytes(PREFIX, "big") + text


def parse_head_size(prefix: bytes) -> int:
    """Return the size of the head. Raises `ValueError` if it is too large."""
    size = int.from_bytes(prefix, "big")
    if size > MAX_HEAD_BYTES:
        raise ValueError("frame head too large")
    return size


def parse_head(text: bytes) -> tuple[dict[str, Any], list[int]]:
    """Return the head and the sizes of its byte strings. Raises `ValueError`."""
    head: Any = json.loads(text)
    if not isinstance(head, dict):
        raise ValueError("frame head is not an object")
    read = cast("dict[str, Any]", head)
    sizes = _sizes(read.pop("sizes", None))
    if sum(sizes) > MAX_BODY_BYTES:
        raise ValueError("frame body too large")
    return read, sizes


def parse_facts(written: dict[str, Any]) -> Facts:
    """Parse the facts of one photo. Raises `ValueError`, `TypeError` or `KeyError` for anything else."""
    if written["format"] not in _FORMATS or written["turn"] not in {0, 90, 180, 270}:
        raise ValueError("not a format we read, or not a quarter turn")
    faces, day = written["faces"], written["day"]
    return Facts(
        format=written["format"],
        width=int(written["width"]),
        height=int(written["height"]),
        sharpness=float(written["sharpness"]),
        brightness=float(written["brightness"]),
        faces=None if faces is None else tuple(_parse_box(face) for face in faces[:_MAX_FACES]),
        turn=int(written["turn"]),
        day=day if isinstance(day, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", day, re.ASCII) else None,
    )


def _parse_box(written: dict[str, float]) -> Box:
    return Box(*(float(written[side]) for side in ("left", "top", "width", "height")))


def _sizes(written: Any) -> list[int]:
    if not isinstance(written, list):
        raise ValueError("frame without sizes")
    entries = cast("list[int]", written)
    sizes = [int(size) for size in entries]
    if any(size < 0 for size in sizes):
        raise ValueError("negative size")
    return sizes
