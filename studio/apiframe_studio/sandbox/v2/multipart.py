"""Reading the multipart body of `POST /v2/loras`: text fields first, then the photos, which are not kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from .errors import ErrorEnvelope, invalid

# Whether the documented MB are 1,000,000 or 1,048,576 bytes is not said. The sandbox is strict.
MAX_PHOTO_BYTES = 10_000_000
MAX_PHOTOS_BYTES = 100_000_000
MAX_OVERHEAD_BYTES = 100_000
MAX_PARTS = 100
PHOTOS = range(15, 31)
IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Form:
    texts: dict[str, str]
    image_count: int


async def read_form(request: Request) -> Form:
    """Read and check the body.

    Raises:
        ErrorEnvelope: 400 if it is not a complete multipart body with 15 to 30 photos after the text fields.
    """
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/form-data"):
        raise ErrorEnvelope("Content-Type must be multipart/form-data")
    parser = MultiPartParser(request.headers, _limit(request), max_files=MAX_PARTS, max_fields=MAX_PARTS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ErrorEnvelope(error.message) from None
    try:
        return await _check(form.multi_items())
    finally:
        await form.close()


async def _limit(request: Request) -> AsyncGenerator[bytes, None]:
    """Yield the body, and reject it if it is too long or incomplete: the parser would accept a form without an end."""
    boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary", b"")
    size, end = 0, b""
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_PHOTOS_BYTES + MAX_OVERHEAD_BYTES:
            raise invalid({IMAGES: ["All images together must be at most 100 MB"]})
        end = (end + chunk)[-len(boundary) - 6 :]
        yield chunk
    if not end.removesuffix(b"\r\n").endswith(b"--" + boundary + b"--"):
        raise ErrorEnvelope("Unexpected end of form")


async def _check(items: list[tuple[str, UploadFile | str]]) -> Form:
    texts: dict[str, str] = {}
    photos: list[UploadFile] = []
    for name, value in items:
        if isinstance(value, UploadFile):
            if name != IMAGES:
                raise invalid({name: ["Unexpected file field"]})
            photos.append(value)
        elif photos:  # [C] the order of the vendor's SDK
            raise invalid({name: ["Text fields must come before the images"]})
        elif name in texts:
            raise invalid({name: ["The field is repeated"]})
        else:
            texts[name] = value
    if len(photos) not in PHOTOS:
        raise invalid({IMAGES: [f"Expected 15 to 30 images, received {len(photos)}"]})
    found = [(number, await _find_problem(photo)) for number, photo in enumerate(photos, 1)]
    if problems := [f"{number}: {problem}" for number, problem in found if problem]:
        raise invalid({IMAGES: problems})
    return Form(texts, len(photos))


async def _find_problem(photo: UploadFile) -> str | None:
    """Check the size and the first bytes: the declared content type is not looked at. [C]"""
    start = await photo.read(12)
    is_webp = start[:4] + start[8:] == b"RIFFWEBP"
    if not is_webp and not start.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return "must be a JPEG, PNG or WebP image"
    return "must be at most 10 MB" if (photo.size or 0) > MAX_PHOTO_BYTES else None
