"""Validate the facts from a decoder process, which has read untrusted bytes."""

from __future__ import annotations

import re
from typing import Any

from apiframe_studio.photos.models import Box, Facts

_FORMATS = frozenset({"JPEG", "PNG", "WEBP", "HEIF", "AVIF"})
_MAX_FACES = 50


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
        faces=None if faces is None else tuple(_box(face) for face in faces[:_MAX_FACES]),
        turn=int(written["turn"]),
        day=day if isinstance(day, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", day, re.ASCII) else None,
    )


def _box(written: dict[str, float]) -> Box:
    return Box(*(float(written[side]) for side in ("left", "top", "width", "height")))
