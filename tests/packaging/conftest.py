"""The project as somebody else gets it: a copy of its files, and the packages built from them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"server": "apiframe_server", "tools": "apiframe_tools", "studio": "apiframe_studio"}
MADE_HERE = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".cache",
    ".*_cache",
    ".hypothesis",
    "__pycache__",
    "*.egg-info",
    "build",
    "dist",
    "node_modules",
)


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def build(kind: str, source: Path, target: Path) -> Path:
    """Build a `wheel` or an `sdist` of `source` without a network; the one file it makes."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = target.iterdir()
    return made


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source archive: every file that is not made by a tool, and no `.git`."""
    target = tmp_path_factory.mktemp("archive") / "apiframe-photo-mcp"
    shutil.copytree(ROOT, target, ignore=MADE_HERE)
    return target


@pytest.fixture(scope="session")
def wheel(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", archive, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", archive, tmp_path_factory.mktemp("sdist"))
