"""The built packages: what they contain, what they install, and their version."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import apiframe_server
import apiframe_studio

from .conftest import PACKAGES, ROOT, build, list_files

pytestmark = pytest.mark.slow


def list_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def test_the_wheel_has_only_the_three_packages(wheel: Path) -> None:
    folders = {name.split("/")[0] for name in list_wheel(wheel)}
    assert folders == {*PACKAGES.values(), f"apiframe_photo_mcp-{apiframe_studio.__version__}.dist-info"}


def test_the_wheel_has_every_module_of_the_three_packages(wheel: Path, archive: Path) -> None:
    modules = {
        f"{package}/{name}"
        for root, package in PACKAGES.items()
        for name in list_files(archive / root / package)
    }
    assert {name for name in list_wheel(wheel) if ".dist-info/" not in name} == modules


def test_the_sdist_has_every_file_of_the_archive(sdist: Path, archive: Path) -> None:
    with tarfile.open(sdist) as opened:
        packed = {name.partition("/")[2] for name in opened.getnames()}
    assert packed == list_files(archive) | {"PKG-INFO"}


def test_only_the_face_checks_require_numpy(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = [name for name in opened.namelist() if name.endswith(".dist-info/METADATA")]
        required = re.findall(r"^Requires-Dist: numpy\b.*", opened.read(name).decode(), re.MULTILINE)
    assert required
    assert [line for line in required if "extra == 'faces'" not in line] == []
    for name in ("run.txt", "notify.txt"):
        pinned = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        assert re.findall(r"^(?:numpy|opencv)\S*", pinned, re.MULTILINE) == []


def test_a_wheel_built_from_the_sdist_has_the_same_files(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as opened:
        opened.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert list_wheel(build("wheel", unpacked, tmp_path / "out")) == list_wheel(wheel)


def test_a_source_archive_without_git_history_can_be_installed(archive: Path, tmp_path: Path) -> None:
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([sys.executable, *install, str(tmp_path), str(archive)], check=True)
    program = "import apiframe_server as it; print(it.__version__, it.__file__)"
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    version, path = printed.stdout.split()
    assert version == apiframe_studio.__version__
    assert Path(path).is_relative_to(tmp_path)


def test_all_files_have_the_same_version() -> None:
    versions = {"apiframe_server": apiframe_server.__version__}
    for name in ["manifest.json", "server.json"]:
        if (ROOT / name).exists():
            versions[name] = json.loads((ROOT / name).read_text(encoding="utf-8"))["version"]
    assert versions == dict.fromkeys(versions, apiframe_studio.__version__)


def test_pyproject_reads_the_version_from_the_studio() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in settings["project"]
    assert settings["tool"]["hatch"]["version"]["path"] == "studio/apiframe_studio/__init__.py"


def test_the_readme_on_the_package_index_has_only_links_that_work_there(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = [name for name in opened.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = opened.read(name).decode()
    found = re.findall(r'\]\(([^)]+)\)|(?:src|srcset)="([^"]+)"', metadata)
    addresses = [link or image for link, image in found]
    assert [address for address in addresses if not address.startswith(("https://", "#"))] == []
    images = {image.partition(f"/v{apiframe_studio.__version__}/docs/")[2] for _, image in found if image}
    cards = re.findall(r"\((cards/.+-light\.png)\)", (ROOT / "docs/cards.md").read_text(encoding="utf-8"))
    assert images == {"chat-light.svg", "chat-dark.svg", *cards}, "each card is shown"
    assert [image for image in images if not (ROOT / "docs" / image).is_file()] == []
