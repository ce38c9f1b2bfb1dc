"""Synthetic photos for the demo, some with common mistakes, so that the check has something to report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageEnhance, ImageFilter

from apiframe_studio.photos.synthetic import write_photos


def write_demo_photos(folder: Path) -> None:
    """Write 24 synthetic photos; the last four are unusable or doubtful."""
    written = write_photos(folder, 24)
    spoil(written[-4:], original=written[5])


def spoil(paths: Sequence[Path], original: Path) -> None:
    """Replace four photos with a dark one, a copy of `original`, a thumbnail and a blurred one."""
    dark, duplicate, small, blurred = paths
    folder = dark.parent
    duplicate.unlink()
    shutil.copy(original, folder / "copy-of-6.jpg")
    ImageEnhance.Brightness(take(dark)).enhance(0.3).save(folder / "at-night.jpg", "JPEG", quality=90)
    take(small).resize((205, 256)).save(folder / "from-a-chat.jpg", "JPEG", quality=90)
    take(blurred).filter(ImageFilter.GaussianBlur(14)).save(folder / "moved.jpg", "JPEG", quality=90)


def take(path: Path) -> Image.Image:
    """Load a photo and delete its file."""
    with Image.open(path) as opened:
        photo = opened.convert("RGB")
    path.unlink()
    return photo
