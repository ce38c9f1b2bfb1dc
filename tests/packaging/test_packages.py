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

import apiframe_server
import apiframe_studio

from .conftest import PACKAGES, ROOT, build, files_of


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def test_the_wheel_claims_only_the_three_packages(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names_in(wheel)}
    assert tops == {*PACKAGES.values(), f"apiframe_photo_mcp-{apiframe_studio.__version__}.dist-info"}


def test_the_wheel_holds_every_module_of_the_three(wheel: Path, archive: Path) -> None:
    inside = {
        f"{package}/{name}"
        for root, package in PACKAGES.items()
        for name in files_of(archive / root / package)
    }
    assert {name for name in names_in(wheel) if ".dist-info/" not in name} == inside


def test_the_sdist_holds_every_file_of_the_archive(sdist: Path, archive: Path) -> None:
    with tarfile.open(sdist) as opened:
        packed = {name.partition("/")[2] for name in opened.getnames()}
    assert packed == files_of(archive) | {"PKG-INFO"}


def test_a_wheel_from_the_sdist_is_the_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as opened:
        opened.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert names_in(build("wheel", unpacked, tmp_path / "out")) == names_in(wheel)


def test_a_source_archive_without_its_history_installs(archive: Path, tmp_path: Path) -> None:
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([sys.executable, *install, str(tmp_path), str(archive)], check=True)
    asked = "import apiframe_server as it; print(it.__version__, it.__file__)"
    printed = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    version, place = printed.stdout.split()
    assert version == apiframe_studio.__version__
    assert Path(place).is_relative_to(tmp_path)


def test_there_is_one_version() -> None:
    said = {"apiframe_server": apiframe_server.__version__}
    for name in ["manifest.json", "server.json"]:
        if (ROOT / name).exists():
            said[name] = json.loads((ROOT / name).read_text(encoding="utf-8"))["version"]
    assert said == dict.fromkeys(said, apiframe_studio.__version__)


def test_pyproject_reads_the_version_from_the_studio() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in settings["project"]
    assert settings["tool"]["hatch"]["version"]["path"] == "studio/apiframe_studio/__init__.py"


def test_what_the_package_index_shows_has_no_link_that_leads_nowhere_there(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = [one for one in opened.namelist() if one.endswith(".dist-info/METADATA")]
        metadata = opened.read(name).decode()
    shown = re.findall(r'\]\(([^)]+)\)|(?:src|srcset)="([^"]+)"', metadata)
    addresses = [link or picture for link, picture in shown]
    assert [one for one in addresses if not one.startswith(("https://", "#"))] == []
    pictures = [picture for _, picture in shown if picture]
    assert len(pictures) == 2
    for picture in pictures:
        path = picture.partition(f"/v{apiframe_studio.__version__}/")[2]
        assert (ROOT / path).is_file()
