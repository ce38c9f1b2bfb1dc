"""Damaged and hostile files in the real decoder processes."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pillow_heif
import pytest
from PIL import Image, ImageDraw

from apiframe_studio.photos.decoders import Decoders, open_decoders
from apiframe_studio.photos.errors import DecodeFailed
from apiframe_studio.photos.folders import AllowedFolders
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.models import Reason, Verdict

from .calls import check

pytestmark = pytest.mark.slow

UNUSABLE = frozenset(
    {Reason.NOT_AN_IMAGE, Reason.UNSUPPORTED_FORMAT, Reason.DAMAGED, Reason.TOO_LARGE, Reason.ANIMATED}
)
ANYTHING = UNUSABLE | {None}
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF")


@dataclass(frozen=True)
class Hostile:
    name: str
    data: bytes
    outcomes: frozenset[Reason | None]


def small(format_: str, **options: object) -> bytes:
    pillow_heif.register_heif_opener()
    image = Image.new("RGB", (64, 48), (200, 150, 90))
    canvas = ImageDraw.Draw(image)
    for step in range(0, 48, 6):
        canvas.line((0, step, 64, 48 - step), (step * 5, 20, 255 - step * 5), 2)
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes, width: int = 8, height: int = 8, depth: int = 8, colour: int = 2) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def truncated() -> Iterator[Hostile]:
    for format_ in FORMATS:
        whole = small(format_)
        for part in (2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95):
            cut = whole[: len(whole) * part // 100]
            yield Hostile(f"{format_} cut at {part} %", cut, UNUSABLE)
        for kept in range(1, 13):
            yield Hostile(f"{format_} of {kept} bytes", whole[:kept], UNUSABLE)


def flipped() -> Iterator[Hostile]:
    dice = random.Random(11)  # noqa: S311 - drawings, not secrets
    for format_ in FORMATS:
        whole = small(format_)
        for number in range(40):
            bent = bytearray(whole)
            for _ in range(1 + number % 5):
                bent[dice.randrange(len(bent))] ^= 1 << dice.randrange(8)
            yield Hostile(f"{format_} bent {number}", bytes(bent), ANYTHING)


def mislabelled() -> Iterator[Hostile]:
    for format_ in FORMATS:
        whole = small(format_)
        for other in FORMATS:
            if other != format_:
                yield Hostile(f"{other} magic on {format_}", small(other)[:12] + whole[12:], UNUSABLE)
        yield Hostile(f"text before {format_}", b"<html>" + whole, frozenset({Reason.NOT_AN_IMAGE}))
    for format_ in ("GIF", "TIFF", "BMP"):
        yield Hostile(f"a {format_}", small(format_), frozenset({Reason.UNSUPPORTED_FORMAT}))
    sanitize = {
        "empty": b"",
        "text": b"hello",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "pdf": b"%PDF-1.7\n",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "zip": b"PK\x03\x04" + bytes(60),
        "elf": b"\x7fELF" + bytes(60),
        "script": b"#!/bin/sh\nid\n",
        "mp4": b"\0\0\0\x18ftypisom" + bytes(60),
        "zeros": bytes(1000),
        "ones": b"\xff" * 1000,
    }
    for name, data in sanitize.items():
        yield Hostile(name, data, frozenset({Reason.NOT_AN_IMAGE}))
    dice = random.Random(5)  # noqa: S311 - drawings, not secrets
    magics = (
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\xff\xff\0\0WEBP",
        b"\0\0\0\x1cftypheic\0\0\0\0mif1heic",
    )
    for magic in magics:
        for number in range(8):
            yield Hostile(f"noise {number} after {magic!r}", magic + dice.randbytes(2000), UNUSABLE)


def oversized() -> Iterator[Hostile]:
    large = frozenset({Reason.TOO_LARGE})
    for side in (8_000, 20_000, 65_000, 1 << 20, 0x7FFFFFFF):
        rows = chunk(b"IDAT", zlib.compress(bytes(min(side, 3000) * 3), 9))
        yield Hostile(f"PNG head of {side}", png(rows, width=side, height=side), large)
    thin = png(chunk(b"IDAT", zlib.compress(bytes(40_001))), width=40_000, height=1, colour=0)
    yield Hostile("PNG one pixel high", thin, large)
    jpeg = small("JPEG")
    frame = jpeg.index(b"\xff\xc0") + 5
    for side in (8_000, 40_000, 65_535):
        yield Hostile(
            f"JPEG head of {side}", jpeg[:frame] + struct.pack(">HH", side, side) + jpeg[frame + 4 :], large
        )
    heic = small("HEIF")
    place = heic.index(b"ispe") + 8
    for side in (9_000, 70_000, 0x7FFFFFFF):
        bent = heic[:place] + struct.pack(">II", side, side) + heic[place + 8 :]
        yield Hostile(f"HEIC head of {side}", bent, large | {Reason.DAMAGED})
    webp = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\x3f\0\xff\x3f\0"
    extended = b"RIFF" + struct.pack("<I", 4 + len(webp)) + b"WEBP" + webp
    yield Hostile("WebP head of 16384", extended, large | {Reason.DAMAGED})
    for width, height in ((0, 8), (8, 0), (0, 0)):
        empty = png(chunk(b"IDAT", zlib.compress(b"\0" * 25)), width=width, height=height)
        yield Hostile(f"PNG of {width} x {height}", empty, UNUSABLE)


def bombs() -> Iterator[Hostile]:
    """Small files that need much memory or time for other reasons than their dimensions."""
    huge = zlib.compress(bytes(60_000_000), 9)
    rows = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(24) for _ in range(8))))
    for kind, body in {
        b"zTXt": b"Comment\0\0" + huge,
        b"iTXt": b"XML:com.adobe.xmp\0\1\0\0\0" + huge,
        b"iCCP": b"icc\0\0" + huge,
    }.items():
        yield Hostile(f"PNG {kind!r} bomb", png(chunk(kind, body), rows), ANYTHING)
    yield Hostile("PNG with 60 MB too much", png(chunk(b"IDAT", huge)), ANYTHING)
    yield Hostile("PNG of 5,000 chunks", png(*[chunk(b"tEXt", b"a\0b")] * 5000, rows), ANYTHING)
    yield Hostile("PNG of empty IDATs", png(*[chunk(b"IDAT", b"")] * 5000, rows), ANYTHING)
    jpeg = small("JPEG")
    for marker in (0xE0, 0xE1, 0xE2, 0xED, 0xFE):
        yield Hostile(
            f"JPEG of many {marker:#x}", jpeg[:2] + segment(marker, b"x" * 65_000) * 60 + jpeg[2:], ANYTHING
        )
    tables = jpeg[:2] + jpeg[2:].split(b"\xff\xc0")[0] * 400 + jpeg[2:]
    yield Hostile("JPEG of many tables", tables, ANYTHING)


def garbage() -> Iterator[Hostile]:
    """Broken metadata, which may be lost but must not crash the process."""
    dice, jpeg = random.Random(3), small("JPEG")  # noqa: S311 - drawings, not secrets
    for number in range(30):
        exif = b"Exif\0\0" + (b"II*\0\x08\0\0\0" if number % 2 else b"MM\0*\0\0\0\x08") + dice.randbytes(300)
        yield Hostile(f"JPEG EXIF noise {number}", jpeg[:2] + segment(0xE1, exif) + jpeg[2:], ANYTHING)
        icc = b"ICC_PROFILE\0\1\1" + dice.randbytes(400)
        yield Hostile(f"JPEG ICC noise {number}", jpeg[:2] + segment(0xE2, icc) + jpeg[2:], ANYTHING)
    loop = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"
    yield Hostile("JPEG EXIF that points at itself", jpeg[:2] + segment(0xE1, loop) + jpeg[2:], ANYTHING)
    mpf = b"MPF\0II*\0\x08\0\0\0" + dice.randbytes(200)
    yield Hostile("JPEG with a broken second image", jpeg[:2] + segment(0xE2, mpf) + jpeg[2:], ANYTHING)
    for orientation in (0, 9, 255, 65535):
        exif_block = Image.Exif()
        exif_block[0x0112] = orientation
        yield Hostile(f"orientation {orientation}", small("JPEG", exif=exif_block), frozenset({None}))


def moving_and_mixed() -> Iterator[Hostile]:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green", "blue")]
    for format_ in ("PNG", "WEBP", "AVIF"):
        file = io.BytesIO()
        frames[0].save(file, format_, save_all=True, append_images=frames[1:], duration=50)
        yield Hostile(f"moving {format_}", file.getvalue(), frozenset({Reason.ANIMATED}))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("payload.html", "<script>")
    for format_ in FORMATS:
        for name, tail in {
            "zip": archive.getvalue(),
            "php": b"<?php id(); ?>",
            "mb": bytes(1_000_000),
        }.items():
            yield Hostile(f"{format_} with a {name} behind", small(format_) + tail, ANYTHING)


def corpus() -> list[Hostile]:
    kinds: list[Callable[[], Iterator[Hostile]]] = [
        truncated,
        flipped,
        mislabelled,
        oversized,
        bombs,
        garbage,
        moving_and_mixed,
    ]
    return [hostile for kind in kinds for hostile in kind()]


async def outcome(pool: Decoders, job: str, data: bytes) -> Reason | None:
    try:
        await pool.ask({"job": job, "long_side": 1536, "max_bytes": 400_000}, [data])
    except DecodeFailed as refused:
        return refused.reason
    return None


async def test_three_hundred_hostile_files_get_a_verdict_each_and_do_no_harm() -> None:
    files = corpus()
    assert len(files) >= 300
    surprises: list[str] = []
    with anyio.fail_after(300):
        async with open_decoders(Limits(), 2) as pool:

            async def attempt(mine: list[Hostile]) -> None:
                for hostile in mine:
                    for job in ("measure", "normalise"):
                        seen = await outcome(pool, job, hostile.data)
                        if seen not in hostile.outcomes:
                            surprises.append(f"{hostile.name}: {job} said {seen}")

            async with anyio.create_task_group() as group:
                group.start_soon(attempt, files[::2])
                group.start_soon(attempt, files[1::2])
            assert await outcome(pool, "measure", small("JPEG")) is None
    assert surprises == []


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_valid_photo_after_hostile_ones_is_read(format_: str) -> None:
    with anyio.fail_after(60):
        async with open_decoders(Limits(), 1) as pool:
            assert await outcome(pool, "measure", small(format_)) is None


async def test_a_photo_that_takes_too_long_ends_its_decoder_not_the_check() -> None:
    slow = io.BytesIO()
    Image.new("RGB", (7000, 7000)).save(slow, "PNG")
    with anyio.fail_after(60):
        async with open_decoders(Limits(seconds=0.05), 1) as pool:
            assert await outcome(pool, "measure", slow.getvalue()) is Reason.TOOK_TOO_LONG
            pool.limits = Limits()
            assert await outcome(pool, "measure", small("PNG")) is None


async def test_a_crashed_decoder_is_replaced() -> None:
    with anyio.fail_after(60):
        async with open_decoders(Limits(), 1) as pool:
            with pytest.raises(DecodeFailed) as refused:
                await pool.ask({"job": "no such job"})
            assert refused.value.reason is Reason.DAMAGED
            assert await outcome(pool, "measure", small("PNG")) is None


@pytest.mark.real_decoders
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the kernel keeps RLIMIT_AS on Linux")
async def test_a_decompression_bomb_within_the_pixel_limit_reaches_the_memory_limit() -> None:
    bomb = png(chunk(b"IDAT", zlib.compress(bytes(2_000_000), 9)), width=20_000, height=20_000)
    with anyio.fail_after(60):
        async with open_decoders(Limits(pixels=500_000_000, memory=900_000_000), 1) as pool:
            assert await outcome(pool, "measure", bomb) is Reason.TOO_LARGE
            assert await outcome(pool, "measure", small("PNG")) is None


async def test_a_file_with_too_many_bytes_is_not_decoded(
    photo_folder: Path, allowed: AllowedFolders, put: Callable[..., Path]
) -> None:
    put("long.jpg", small("JPEG") + bytes(5000))
    with anyio.fail_after(60):
        checked = await check([photo_folder], allowed, limits=Limits(bytes=4000))
    assert checked.photos[0].reasons == (Reason.TOO_MANY_BYTES,)


async def test_hostile_and_valid_photos_in_one_folder_are_distinguished(
    photo_folder: Path, allowed: AllowedFolders, put: Callable[..., Path]
) -> None:
    put("a sound one.jpg", 1)
    put("b cut.jpg", put("a sound one.jpg", 1).read_bytes()[:5000])
    put("c bomb.png", png(chunk(b"IDAT", zlib.compress(bytes(1000))), width=60_000, height=60_000))
    put("d page.jpg", b"<html>")
    with anyio.fail_after(60):
        checked = await check([photo_folder], allowed)
    wrong = [photo.reasons for photo in checked.photos[1:]]
    assert wrong == [(Reason.DAMAGED,), (Reason.TOO_LARGE,), (Reason.NOT_AN_IMAGE,)]
    assert checked.photos[0].verdict is not Verdict.REJECT
