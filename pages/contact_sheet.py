"""`python -m pages.contact_sheet`: the README's contact sheet, of drawn photos with the usual mistakes among them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

import anyio
from PIL import Image, ImageEnhance, ImageFilter

from apiframe_studio import Studio
from apiframe_studio.photos import faces
from apiframe_studio.photos.synthetic import write_photos

TARGET: Final = Path(__file__).resolve().parent.parent / "docs/contact-sheet.jpg"


def main() -> None:
    if not faces.available():
        raise SystemExit("The sheet shows the face checks: run `make faces` first.")
    with tempfile.TemporaryDirectory() as name:
        anyio.run(draw, Path(name))


async def draw(folder: Path) -> None:
    photos = folder / "photos"
    photos.mkdir()
    spoil(write_photos(photos, 24))
    async with Studio.sandbox(folder) as studio:
        check = await studio.photo_sets.check([str(photos)])
    TARGET.write_bytes(check.sheet)
    print(f"{TARGET.name}: {len(check.photos)} photos, {check.usable} of them can be used")


def spoil(drawn: list[Path]) -> None:
    """Make of the last seven photos what people send by mistake, each from another scene."""
    folder = drawn[0].parent
    night, copied, small, moved, friend, empty, turned = drawn[-7:]

    def change(path: Path, name: str) -> Image.Image:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        path.unlink()
        changed[folder / name] = picture
        return picture

    changed: dict[Path, Image.Image] = {}
    changed[folder / "at-night.jpg"] = ImageEnhance.Brightness(change(night, "at-night.jpg")).enhance(0.3)
    changed[folder / "from-a-chat.jpg"] = change(small, "from-a-chat.jpg").resize((205, 256))
    blurred = change(moved, "moved.jpg").filter(ImageFilter.GaussianBlur(14))
    changed[folder / "moved.jpg"] = blurred
    with Image.open(drawn[0]) as other:
        changed[folder / "with-a-friend.jpg"] = beside(
            change(friend, "with-a-friend.jpg"), other.convert("RGB")
        )
    room = change(empty, "the-room.jpg")
    changed[folder / "the-room.jpg"] = room.crop((0, 0, room.width, room.height // 8)).resize(room.size)
    changed[folder / "on-its-side.jpg"] = change(turned, "on-its-side.jpg").transpose(
        Image.Transpose.ROTATE_90
    )
    copied.unlink()
    for path, picture in changed.items():
        picture.save(path, "JPEG", quality=90)
    shutil.copy(drawn[5], folder / "copy-of-6.jpg")


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    both = Image.new("RGB", (left.width * 2, left.height))
    both.paste(left, (0, 0))
    both.paste(right.resize(left.size), (left.width, 0))
    return both


if __name__ == "__main__":
    main()
