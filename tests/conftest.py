"""What tests of several layers share: synthetic photos, drawn once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from apiframe_studio.photos.synthetic import draw, scenes

CANARY = "canary-7f3a-of-a-place"
DRAWN = 12
_SMALL = (768, 960)
"""Just large enough to be good, so that looking at a dozen takes about a second."""


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen drawn photos that say where and by whom they were taken, in every way a JPEG can. Only to be read."""
    folder = tmp_path_factory.mktemp("drawn")
    for number, scene in enumerate(scenes(DRAWN), 1):
        path = folder / f"IMG_{number:04}.jpg"
        draw(scene, _SMALL).save(path, "JPEG", quality=85, exif=_placed(), comment=CANARY.encode())
        with path.open("ab") as file:
            file.write(f"<x:xmpmeta>{CANARY}</x:xmpmeta>".encode())
    return folder


@pytest.fixture
def photos(drawn: Path, tmp_path: Path) -> Path:
    """The same photos in the folder that may be read, to do with as one likes."""
    return Path(shutil.copytree(drawn, tmp_path / "photos"))


def _placed() -> Image.Exif:
    exif = Image.Exif()
    exif[0x013B] = CANARY
    exif.get_ifd(0x8769)[0x9003] = "2026:05:01 12:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2), 29: CANARY})
    return exif
