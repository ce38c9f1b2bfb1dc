from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from apiframe_studio.photos.folders import AllowedFolders

from ...painting import jpeg, paint, paint_a_person

Painter = Callable[..., Image.Image]


@pytest.fixture
def painted() -> Painter:
    return paint


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """An empty allowed folder."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def allowed(photo_folder: Path) -> AllowedFolders:
    return AllowedFolders([photo_folder])


@pytest.fixture
def put(photo_folder: Path) -> Callable[..., Path]:
    """Write a JPEG of a person in front of coloured blocks, or the given bytes, into the allowed folder."""

    def write(name: str, content: bytes | int = 1, size: tuple[int, int] = (900, 1100)) -> Path:
        path = photo_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else jpeg(paint_a_person(content, size)))
        return path

    return write
