"""Decode one photo under limits. Runs in a decoder process (`_decoder`), never in the server's process.

The first bytes determine the format, and only the decoder for that format reads the file. Otherwise Pillow would try
about forty parsers on untrusted bytes.
"""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from dataclasses import dataclass, field

from PIL import Image, ImageFile, ImageOps

from apiframe_studio.image_formats import detect_image_format
from apiframe_studio.photos import _jpeg_scans
from apiframe_studio.photos.errors import DecodeFailed
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import Reason

# The brands of ISO base media files that hold still HEVC photos (ISO/IEC 23008-12, annex B).
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis"})
# The same kind of file with AV1 photos (still, moving).
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
# Other formats that are certainly images: GIF, BMP, TIFF, JPEG XL, Photoshop.
_OTHER_FORMATS = (b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x0cJXL ", b"\xff\x0a", b"8BPS")
_SIDE_LIMIT = 30_000


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A decoded upright photo. `width` and `height` are those of the file; `image` may be smaller (see `decode`)."""

    format: str
    width: int
    height: int
    image: Image.Image
    icc_profile: bytes | None = field(repr=False)
    day: str | None


def set_up_process() -> None:
    """Let Pillow read HEIC in this process. Pillow's limits are turned off: ours come with each photo."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)  # pyright: ignore[reportUnknownMemberType]
    Image.MAX_IMAGE_PIXELS = None
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    warnings.simplefilter("ignore")


def detect_format(data: bytes) -> str:
    """Return JPEG, PNG, WEBP, HEIF or AVIF by the first bytes. Raises `DecodeFailed` for everything else."""
    if known := detect_image_format(data):
        return known
    if data[4:8] == b"ftyp":
        return _detect_media_format(data)
    raise DecodeFailed(Reason.UNSUPPORTED_FORMAT if data.startswith(_OTHER_FORMATS) else Reason.NOT_AN_IMAGE)


def _detect_media_format(data: bytes) -> str:
    """Go by the major brand. `mif1` only means an image; the compatible brands name its codec."""
    brand = data[8:12]
    if brand == b"mif1":
        length = min(int.from_bytes(data[:4], "big"), 128)
        others = {data[place : place + 4] for place in range(16, length - 3, 4)}
        return "AVIF" if others & _AVIF_BRANDS else "HEIF"
    if brand in _HEIC_BRANDS:
        return "HEIF"
    if brand in _AVIF_BRANDS:
        return "AVIF"
    raise DecodeFailed(Reason.UNSUPPORTED_FORMAT if brand == b"hevc" else Reason.NOT_AN_IMAGE)


def is_large(data: bytes, limits: Limits) -> bool:
    """Whether decoding needs much memory: many pixels, in a format that is decoded whole. Reads only the header.

    False for what cannot be read; `decode` reports that.
    """
    try:
        format_ = detect_format(data)
        with Image.open(io.BytesIO(data), formats=(format_,)) as image:
            pixels = image.width * image.height
    except Exception:
        return False
    fits = pixels <= limits.pixels
    return fits and pixels > limits.large_pixels and (format_ != "JPEG" or _jpeg_scans.count_scans(data) > 1)


def decode(data: bytes, limits: Limits, *, at_least: int) -> DecodedPhoto:
    """Decode the photo in `data` and rotate it upright. Raises `DecodeFailed`.

    A JPEG may be decoded at a half, quarter or eighth of its size, with a long side of at least `at_least` pixels:
    libjpeg scales while it decodes, which takes a fraction of the time and memory.
    """
    if len(data) > limits.bytes:
        raise DecodeFailed(Reason.TOO_MANY_BYTES)
    format_ = detect_format(data)
    try:
        return _decode_format(data, format_, limits, at_least)
    except DecodeFailed:
        raise
    except MemoryError:
        raise DecodeFailed(Reason.TOO_LARGE) from None
    except Exception:
        # Decoders raise whatever a crafted file makes them raise (OSError, SyntaxError, struct.error, ...).
        raise DecodeFailed(Reason.DAMAGED) from None


def _decode_format(data: bytes, format_: str, limits: Limits, at_least: int) -> DecodedPhoto:
    with Image.open(io.BytesIO(data), formats=(format_,)) as image:
        width, height = image.size
        _check_size(width, height, limits)
        # Phones store a JPEG with its depth map or burst as MPO; the first image is the photo.
        if getattr(image, "n_frames", 1) > 1 and format_ in {"PNG", "WEBP", "AVIF"}:
            raise DecodeFailed(Reason.ANIMATED)
        icc_profile, day = image.info.get("icc_profile"), _read_day(image)
        if format_ == "JPEG":
            if _jpeg_scans.is_too_much_work(data, width * height):
                raise DecodeFailed(Reason.TOOK_TOO_LONG)
            scale = min(1.0, at_least / max(width, height))
            image.draft(None, (max(1, round(width * scale)), max(1, round(height * scale))))
        image.load()
        _check_size(*image.size, limits)
        lying = image.width > image.height
        upright = _rotate_upright(image)
    if (upright.width > upright.height) != lying:
        width, height = height, width
    return DecodedPhoto(format_, width, height, upright, icc_profile, day)


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.pixels or max(width, height) > _SIDE_LIMIT:
        raise DecodeFailed(Reason.TOO_LARGE)
    if min(width, height) < 1:
        raise DecodeFailed(Reason.DAMAGED)


def _rotate_upright(image: Image.Image) -> Image.Image:
    """Rotate as EXIF says; a broken EXIF block is ignored."""
    with suppress(Exception):
        # In place: a copy of a 12 megapixel photo costs 36 MB.
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _read_day(image: Image.Image) -> str | None:
    """Return the day of capture from EXIF (DateTimeOriginal 0x9003, else DateTime 0x0132), as YYYY-MM-DD."""
    try:
        exif = image.getexif()
        written = str(exif.get_ifd(0x8769).get(0x9003) or exif.get(0x0132) or "")
    except Exception:
        return None
    day = written[:10].replace(":", "-")
    return day if len(day) == 10 and day.replace("-", "").isdecimal() and day.isascii() else None
