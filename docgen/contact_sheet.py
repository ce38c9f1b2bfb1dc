"""`python -m docgen.contact_sheet`: draw the contact sheet of the docs, with common mistakes in it.

A smaller copy is a screenshot of the desktop bundle.
"""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Final

import anyio
from PIL import Image

from apiframe_server.demo_photos import spoil, take
from apiframe_studio import Studio
from apiframe_studio.photos import faces
from apiframe_studio.photos.synthetic import write_photos
from docgen.canvas import encode_png

TARGET: Final = Path(__file__).resolve().parent.parent / "docs/contact-sheet.jpg"
SCREENSHOT: Final = TARGET.with_name("bundle") / TARGET.with_suffix(".png").name
SCREENSHOT_WIDTH: Final = 1000


def main() -> None:
    if not faces.is_available():
        raise SystemExit("The sheet shows the face checks. Run `make faces` first.")
    with tempfile.TemporaryDirectory() as name:
        anyio.run(draw_sheet, Path(name))


async def draw_sheet(folder: Path) -> None:
    photos = folder / "photos"
    photos.mkdir()
    add_mistakes(write_photos(photos, 24))
    async with Studio.sandbox(folder) as studio:
        check = await studio.photo_sets.check([str(photos)])
    TARGET.write_bytes(check.sheet)
    SCREENSHOT.write_bytes(shrink_sheet(check.sheet))
    print(f"{TARGET.name}: {len(check.photos)} photos, {check.usable} of them can be used")


def shrink_sheet(sheet: bytes) -> bytes:
    """Return the sheet as a PNG of the screenshot's width."""
    with Image.open(BytesIO(sheet)) as opened:
        height = round(opened.height * SCREENSHOT_WIDTH / opened.width)
        return encode_png(opened.convert("RGB").resize((SCREENSHOT_WIDTH, height), Image.Resampling.LANCZOS))


def add_mistakes(drawn: list[Path]) -> None:
    """Replace the last seven photos by what users often send by mistake, each from a different scene."""
    spoil(drawn[-7:-3], original=drawn[5])
    friend, empty, turned = drawn[-3:]
    folder = drawn[0].parent
    with Image.open(drawn[0]) as other:
        both = join_images(take(friend), other.convert("RGB"))
    room = take(empty)
    wall = room.crop((0, 0, room.width, room.height // 8)).resize(room.size)
    both.save(folder / "with-a-friend.jpg", "JPEG", quality=90)
    wall.save(folder / "the-room.jpg", "JPEG", quality=90)
    on_its_side = take(turned).transpose(Image.Transpose.ROTATE_90)
    on_its_side.save(folder / "on-its-side.jpg", "JPEG", quality=90)


def join_images(left: Image.Image, right: Image.Image) -> Image.Image:
    """Return both images side by side, the right one resized to the left one."""
    both = Image.new("RGB", (left.width * 2, left.height))
    both.paste(left, (0, 0))
    both.paste(right.resize(left.size), (left.width, 0))
    return both


if __name__ == "__main__":
    main()
