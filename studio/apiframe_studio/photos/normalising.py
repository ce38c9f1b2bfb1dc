"""Normalise a photo for sending: upright, sRGB, limited in size, and nothing but pixels.

`normalise` runs in a decoder process. The numbers are explained in docs/decisions/0011-reading-photos.md.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any, cast

from PIL import Image, ImageCms

from apiframe_studio.photos import decode
from apiframe_studio.photos.faces import rotate
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.metrics import encode_jpeg, flatten_to_rgb, shrink

_QUALITIES = (92, 88, 84, 78, 72)
_SHRUNK = 1024


def normalise(
    data: bytes, limits: Limits, turn: int = 0, *, long_side: int, max_bytes: int
) -> tuple[bytes, str]:
    """Return a baseline JPEG of at most `max_bytes` and the SHA-256 (hex) of its pixels before compression.

    `turn` is `Facts.turn`: the counter-clockwise rotation, in degrees, that makes the photo upright.
    Raises `DecodeFailed`.
    """
    photo = decode.decode(data, limits, at_least=long_side)
    image = shrink(photo.image, long_side, Image.Resampling.LANCZOS)
    clean = _copy_pixels(rotate(_convert_to_srgb(image, photo.icc_profile), turn))
    return _compress(clean, max_bytes), _digest(clean)


def _convert_to_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """Convert the colours to sRGB by the photo's profile. A broken profile is ignored."""
    if image.mode not in {"RGB", "CMYK", "L"}:
        image = flatten_to_rgb(image)
    if icc_profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            converted = ImageCms.profileToProfile(image, source, _srgb(), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            return flatten_to_rgb(image)
        if converted is not None:
            return converted
    return flatten_to_rgb(image)


def _srgb() -> ImageCms.ImageCmsProfile:
    # Pillow leaves the profile's own type, a C class, without annotations.
    profile = cast("Any", ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType]
    return ImageCms.ImageCmsProfile(profile)


def _copy_pixels(image: Image.Image) -> Image.Image:
    """Copy the pixels to a new image: Pillow keeps comments in `info` and would write them again."""
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    return clean


def _compress(image: Image.Image, max_bytes: int) -> bytes:
    """Use the best quality that fits. A photo that fits at none, because of grain, is scaled down."""
    for quality in _QUALITIES:
        jpeg = encode_jpeg(image, quality)
        if len(jpeg) <= max_bytes:
            return jpeg
    smaller = image.copy()
    smaller.thumbnail((_SHRUNK, _SHRUNK), Image.Resampling.LANCZOS)
    jpegs = [encode_jpeg(smaller, quality) for quality in (84, 72, 50)]
    return next((jpeg for jpeg in jpegs if len(jpeg) <= max_bytes), jpegs[-1])


def _digest(image: Image.Image) -> str:
    return hashlib.sha256(f"{image.width}x{image.height}:".encode() + image.tobytes()).hexdigest()
