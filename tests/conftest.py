"""What tests of all layers share: their folders, their order, and synthetic photos, drawn once."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from apiframe_studio.photos import decoders
from apiframe_studio.photos.decoders import Answer, _Pool
from apiframe_studio.photos.limits import Limits
from apiframe_studio.photos.synthetic import draw, make_scenes

from .forking.decoders import open_process
from .forking.processes import CAN_FORK

CANARY = "canary-7f3a-of-a-place"
DRAWN = 12
_SMALL = (768, 960)
"""Just large enough to be good, so that checking a dozen takes about a second."""

_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes its folders below it
_ENOUGH_BYTES = 4_000_000_000


def pytest_configure() -> None:
    """Keep the folders of the tests in memory: the ledger syncs often, and a sync to a disk takes milliseconds."""
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ENOUGH_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slow tests first, so that the workers finish at about the same time."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the seed of the random order: `-q` drops the header in which pytest-randomly prints it."""
    seed = config.getoption("randomly_seed", None)
    if seed is not None:
        terminalreporter.write_line(f"Random order; run it again with --randomly-seed={seed}")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen synthetic photos with place and author in all metadata that a JPEG can have. Read-only."""
    folder = tmp_path_factory.mktemp("drawn")
    for number, scene in enumerate(make_scenes(DRAWN), 1):
        path = folder / f"IMG_{number:04}.jpg"
        draw(scene, _SMALL).save(path, "JPEG", quality=85, exif=_placed(), comment=CANARY.encode())
        with path.open("ab") as file:
            file.write(f"<x:xmpmeta>{CANARY}</x:xmpmeta>".encode())
    return folder


@pytest.fixture
def photos(drawn: Path, tmp_path: Path) -> Path:
    """A copy of the photos in an allowed folder, which a test may change."""
    return Path(shutil.copytree(drawn, tmp_path / "photos"))


@pytest.fixture(autouse=True)
def _decoders_in_forks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork decoder processes, except for tests of how they start and end."""
    if CAN_FORK and request.node.get_closest_marker("real_decoders") is None:
        monkeypatch.setattr(decoders, "_open_process", open_process)


_known_answers: dict[str, Answer] = {}


@pytest.fixture
def photos_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give what a decoder process answered before to the same request. Starting one takes half a second."""
    ask = _Pool.ask

    async def ask_once(pool: _Pool, limits: Limits, head: dict[str, Any], blobs: Sequence[bytes]) -> Answer:
        key = repr((limits, sorted(head.items()), [hashlib.sha256(blob).digest() for blob in blobs]))
        if key not in _known_answers:
            _known_answers[key] = await ask(pool, limits, head, blobs)
        return deepcopy(_known_answers[key])

    monkeypatch.setattr(_Pool, "ask", ask_once)


def _placed() -> Image.Exif:
    exif = Image.Exif()
    exif[0x013B] = CANARY
    exif.get_ifd(0x8769)[0x9003] = "2026:05:01 12:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2), 29: CANARY})
    return exif
