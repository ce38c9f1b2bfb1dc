"""Only pixels are sent."""

from __future__ import annotations

import io
import math
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from apiframe_studio.api.provider import Terms
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.api.v2.terms import V2_TERMS
from apiframe_studio.photo_sets import upload_deadline
from apiframe_studio.photos import normalising
from apiframe_studio.photos.limits import Limits

CANARY = b"CANARY-7f3a91c4"
LONG_SIDE = 1536
normalise = partial(normalising.normalise, long_side=LONG_SIDE, max_bytes=400_000)
Painter = Callable[..., Image.Image]


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def exif() -> Image.Exif:
    block, word = Image.Exif(), CANARY.decode()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298):
        block[tag] = word
    block.get_ifd(0x8769).update(
        {0x9286: b"ASCII\0\0\0" + CANARY, 0xA430: word, 0xA431: word, 0x927C: CANARY}
    )
    gps = block.get_ifd(0x8825)
    gps.update({1: "N", 2: (48.0, 51.0, 29.5), 3: "E", 4: (2.0, 17.0, 40.2), 0x1B: CANARY, 0x1D: word})
    return block


XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF>" + CANARY + b"</rdf:RDF></x:xmpmeta>"


def planted(image: Image.Image) -> Iterator[tuple[str, bytes]]:
    plain = saved(image, "JPEG")
    start, rest = plain[:2], plain[2:]
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + CANARY
    thumbnail = saved(image.resize((64, 64)), "JPEG", comment=CANARY)
    blocks = {
        "XMP": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
        "extended XMP": segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + XMP),
        "IPTC": segment(
            0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x20\x1c\x02\x78\0\x0f" + CANARY + b"\0"
        ),
        "JFIF thumbnail": segment(0xE0, b"JFXX\0\x10" + thumbnail),
        "comment": segment(0xFE, CANARY),
        "ICC": segment(0xE2, b"ICC_PROFILE\0\1\1" + profile),
        "maker": segment(0xEB, b"HDR\0" + CANARY),
        "Adobe": segment(0xEE, b"Adobe" + bytes(7) + CANARY),
    }
    for name, block in blocks.items():
        yield f"JPEG {name}", start + block + rest
    yield "JPEG EXIF and GPS", saved(image, "JPEG", exif=exif())
    yield "JPEG EXIF thumbnail", start + segment(0xE1, b"Exif\0\0" + exif().tobytes()[6:] + thumbnail) + rest
    yield "JPEG appended", plain + CANARY
    yield "JPEG appended JPEG", plain + thumbnail
    yield "JPEG after restart", plain[:-2] + segment(0xFE, CANARY) + plain[-2:]
    yield "MPO", saved(image, "MPO", save_all=True, append_images=[image], exif=exif(), comment=CANARY)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", CANARY.decode())
    texts.add_text("Packed", CANARY.decode(), zip=True)
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    texts.add(b"prVt", CANARY)
    yield "PNG texts", saved(image, "PNG", pnginfo=texts)
    yield "PNG EXIF", saved(image, "PNG", exif=exif())
    yield "PNG ICC", saved(image, "PNG", icc_profile=profile)
    yield "PNG appended", saved(image, "PNG") + CANARY + zlib.compress(CANARY)
    yield "WebP", saved(image, "WEBP", exif=exif(), xmp=XMP, icc_profile=profile)
    yield "WebP appended", saved(image, "WEBP") + CANARY
    yield "HEIC", saved(image, "HEIF", exif=exif().tobytes(), xmp=XMP)
    yield "HEIC appended", saved(image, "HEIF") + CANARY
    yield "AVIF", saved(image, "AVIF", exif=exif(), xmp=XMP, icc_profile=profile)
    yield "AVIF appended", saved(image, "AVIF") + CANARY


def segments(jpeg: bytes) -> list[int]:
    """Return the markers of a baseline JPEG before its pixels."""
    markers, place = [], 2
    while jpeg[place + 1] != 0xDA:
        markers.append(jpeg[place + 1])
        place += 2 + struct.unpack(">H", jpeg[place + 2 : place + 4])[0]
    return markers


def test_no_metadata_is_sent(painted: Painter) -> None:
    files = list(planted(painted(1, (320, 400))))
    assert len(files) >= 20
    for name, data in files:
        assert CANARY in data or "PNG" in name, name
        jpeg, _ = normalise(data, Limits())
        assert CANARY not in jpeg, name
        assert CANARY.decode().encode("utf-16-le") not in jpeg, name
        assert set(segments(jpeg)) <= {0xE0, 0xDB, 0xC0, 0xC4}, name
        assert jpeg.endswith(b"\xff\xd9"), name
        with Image.open(io.BytesIO(jpeg)) as sent:
            assert not sent.getexif(), name
            assert set(sent.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}, name


def test_the_digest_depends_only_on_the_pixels(painted: Painter) -> None:
    digests = {
        digest
        for name, data in planted(painted(1, (320, 400)))
        if name.startswith("PNG")
        for _, digest in [normalise(data, Limits())]
        if "ICC" not in name
    }
    assert len(digests) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_ends_upright(orientation: int) -> None:
    """Red marks the corner that is shown at the top left, in every stored orientation."""
    shown = Image.new("RGB", (400, 240), "white")
    shown.paste("red", (0, 0, 120, 80))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = shown.transpose(undo[orientation]) if orientation in undo else shown
    block = Image.Exif()
    block[0x0112] = orientation
    jpeg, _ = normalise(saved(stored, "JPEG", exif=block, quality=95), Limits())
    with Image.open(io.BytesIO(jpeg)) as sent:
        assert sent.size == (400, 240)
        red = sent.getpixel((60, 40))
        assert isinstance(red, tuple)
        assert red[0] > 200
        assert red[1] < 60


def test_the_long_side_is_limited_and_small_photos_are_not_enlarged(painted: Painter) -> None:
    for size, expected in (((3000, 2000), (LONG_SIDE, 1024)), ((300, 200), (300, 200))):
        jpeg, _ = normalise(saved(painted(1, size), "JPEG"), Limits())
        with Image.open(io.BytesIO(jpeg)) as sent:
            assert sent.size == expected


@pytest.mark.slow
@pytest.mark.parametrize("terms", [V1_TERMS, V2_TERMS], ids=["v1", "v2"])
def test_noise_still_fits_what_is_sent_and_what_the_service_takes(terms: Terms) -> None:
    grain = Image.frombytes("RGB", (2500, 2500), random.Random(1).randbytes(18_750_000))  # noqa: S311
    jpeg, _ = normalising.normalise(
        saved(grain, "PNG"), Limits(), long_side=terms.photo_long_side, max_bytes=terms.jpeg_bytes
    )
    assert len(jpeg) <= terms.jpeg_bytes
    assert terms.jpeg_bytes <= (terms.max_photo_bytes or math.inf)
    assert terms.jpeg_bytes * terms.photos.max <= 25_000_000
    seconds = upload_deadline(terms.jpeg_bytes * terms.photos.max)
    assert seconds * 250_000 / 8 >= terms.jpeg_bytes * terms.photos.max, "at a quarter of 1 Mbit/s"


def swapped_profile() -> bytes:
    """Return the sRGB profile with its red and green primaries exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entries = {
        bytes(profile[place : place + 4]): place + 4 for place in range(132, 132 + 12 * profile[131], 12)
    }
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red : red + 8], profile[green : green + 8] = profile[green : green + 8], profile[red : red + 8]
    return bytes(profile)


def test_colours_stay_correct_without_the_profile() -> None:
    image = Image.new("RGB", (300, 300), (255, 0, 0))
    jpeg, _ = normalise(saved(image, "PNG", icc_profile=swapped_profile()), Limits())
    with Image.open(io.BytesIO(jpeg)) as sent:
        colour = sent.getpixel((150, 150))
    assert isinstance(colour, tuple)
    assert colour[1] > 200 > 60 > colour[0]


def wide_gamut_profile() -> bytes:
    """Return Display P3, which phones use: the sRGB profile with the primaries of P3 (adapted to D50)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for place in range(132, 132 + 12 * profile[131], 12):
        tag, at, _ = struct.unpack(">4sII", profile[place : place + 12])
        if tag in primaries:
            profile[at + 8 : at + 20] = struct.pack(">3i", *(round(xyz * 65536) for xyz in primaries[tag]))
    return bytes(profile)


def from_p3(*levels: int) -> list[int]:
    """Return the sRGB levels of a Display P3 colour, by the published matrix."""
    light = [
        level / 255 / 12.92 if level <= 10 else ((level / 255 + 0.055) / 1.055) ** 2.4 for level in levels
    ]
    rows = ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979))
    mixed = [sum(factor * part for factor, part in zip(row, light, strict=True)) for row in rows]
    return [round(255 * (1.055 * part ** (1 / 2.4) - 0.055)) for part in mixed]


@pytest.mark.parametrize(
    ("format_", "mode"),
    [
        ("JPEG", "RGB"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("WEBP", "RGB"),
        ("HEIF", "RGB"),
        ("AVIF", "RGB"),
    ],
)
def test_a_wide_gamut_photo_is_sent_in_srgb(format_: str, mode: str) -> None:
    skin = (196, 140, 112)
    image = Image.new("RGB", (300, 300), skin)
    image = image.quantize() if mode == "P" else image.convert(mode)
    file = saved(image, format_, quality=95, icc_profile=wide_gamut_profile())
    jpeg, _ = normalise(file, Limits())
    with Image.open(io.BytesIO(jpeg)) as sent:
        colour = sent.getpixel((150, 150))
    assert isinstance(colour, tuple)
    assert from_p3(*skin) != list(skin)
    assert max(abs(one - other) for one, other in zip(colour, from_p3(*skin), strict=True)) <= 3


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_a_photo_detected_as_rotated_is_sent_upright(angle: int) -> None:
    image = Image.new("RGB", (400, 300), "white")
    image.paste("black", (0, 0, 400, 40))
    jpeg, _ = normalise(saved(image.rotate(-angle, expand=True), "PNG"), Limits(), angle)
    with Image.open(io.BytesIO(jpeg)) as sent:
        assert sent.size == (400, 300)
        assert sent.convert("L").getpixel((200, 15)) == 0


def test_a_transparent_photo_is_sent_on_white() -> None:
    hidden = Image.new("RGBA", (300, 300), (200, 10, 10, 0))
    jpeg, _ = normalise(saved(hidden, "PNG"), Limits())
    with Image.open(io.BytesIO(jpeg)) as sent:
        assert sent.getpixel((150, 150)) == (255, 255, 255)


def test_a_grey_photo_with_a_grey_profile_is_accepted() -> None:
    jpeg, _ = normalise(saved(Image.new("L", (300, 300), 90), "JPEG", icc_profile=b"broken"), Limits())
    with Image.open(io.BytesIO(jpeg)) as sent:
        assert sent.mode == "RGB"
