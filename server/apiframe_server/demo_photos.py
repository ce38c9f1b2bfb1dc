"""Drawn photos with mistakes that people make, so that the demo shows what the check is for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageEnhance, ImageFilter

from apiframe_studio.photos.synthetic import write_photos


def write_demo_photos(folder: Path) -> None:
    """Write two dozen drawn photos, the last four of them spoiled."""
    drawn = write_photos(folder, 24)
    spoil(drawn[-4:], original=drawn[5])


def spoil(paths: Sequence[Path], original: Path) -> None:
    """Make of four photos a dark one, a copy of `original`, a thumbnail and a blurred one."""
    night, copied, small, moved = paths
    folder = night.parent
    copied.unlink()
    shutil.copy(original, folder / "copy-of-6.jpg")
    ImageEnhance.Brightness(take(night)).enhance(0.3).save(folder / "at-night.jpg", "JPEG", quality=90)
    take(small).resize((205, 256)).save(folder / "from-a-chat.jpg", "JPEG", quality=90)
    take(moved).filter(ImageFilter.GaussianBlur(14)).save(folder / "moved.jpg", "JPEG", quality=90)


def take(path: Path) -> Image.Image:
    """The picture, whose file is removed."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    path.unlink()
    return picture
