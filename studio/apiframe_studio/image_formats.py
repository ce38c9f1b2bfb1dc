"""The image formats that the service and this program use for photos and images, by their first bytes."""

from __future__ import annotations

from typing import Final

MEDIA_TYPES: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""By Pillow's name of the format."""


def detect_image_format(data: bytes) -> str | None:
    """Return JPEG, PNG or WEBP by the first bytes; None for everything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    return "WEBP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None
