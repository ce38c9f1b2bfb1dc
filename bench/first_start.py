"""Measure the first start: what `uvx` and the desktop bundle download, and how long a host waits for them.

uv and the wheels are real, the package index is on this machine and sends no faster than a given line. The cache of uv
is empty, Python is installed. Needs uv (`make .cache/uv/stamp`), and the wheels, which pip downloads once.
"""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.index import Line, read_metadata, serve_wheels
from bench.measures import Row
from bench.wire import Server

ROOT: Final = Path(__file__).resolve().parent.parent
UV: Final = ROOT / ".cache/uv/bin" / f"uv{sysconfig.get_config_var('EXE') or ''}"
WHEELS: Final = ROOT / ".cache/first-start" / f"{sys.version_info.major}.{sys.version_info.minor}"
MEGABITS: Final = (50, 5)
ELSEWHERE: Final = "py3-none-win_amd64"
NAME: Final = "apiframe-photo-mcp"
WAYS: Final = ("uvx", "uvx with the face checks", "the bundle")
MAX_SECONDS: Final = {50: 10, 5: 60}
"""The shortest limit of a common host, and that of Claude Desktop, which a slow line has to meet at least."""


@dataclass(frozen=True)
class FirstStart:
    """Seconds from the start to the answers to initialize and tools/list, and 10**6 bytes that were downloaded."""

    initialized: float
    listed: float
    megabytes: float


def measure_first_start() -> list[Row]:
    """Measure each way to start at each speed; without uv or wheels, one row with the reason."""
    if not UV.exists():
        return [Row("first start", "skipped: no uv; run `make .cache/uv/stamp`")]
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder) / "wheels"
        try:
            collect_wheels(ROOT, wheels)
        except subprocess.CalledProcessError:
            return [Row("first start", "skipped: pip could not download the wheels")]
        return [_measure_way(way, megabits, wheels) for megabits in MEGABITS for way in WAYS]


def _measure_way(way: str, megabits: int, wheels: Path) -> Row:
    found = time_first_start(way, megabits, wheels, ROOT)
    most = MAX_SECONDS[megabits] if way == "uvx" else None
    return Row(
        f"first start of {way}, {megabits} Mbit/s: initialize (tools/list), download",
        f"{found.initialized:.1f} s ({found.listed:.1f} s), {found.megabytes:.1f} MB",
        aim=f"≤ {most} s" if most else "",
        met=found.initialized <= most if most else None,
    )


def collect_wheels(project: Path, folder: Path) -> None:
    """Make a folder with the pinned wheels of a project and its own. Raises `CalledProcessError` if pip fails."""
    WHEELS.mkdir(parents=True, exist_ok=True)
    pinned = [project / "requirements" / f"{extra}.txt" for extra in _load_packing(project)["EXTRAS"]]
    download = ["-m", "pip", "--disable-pip-version-check", "download", "--only-binary", ":all:"]
    download += ["--require-hashes", "--dest", str(WHEELS)]
    download += [argument for file in pinned for argument in ("--requirement", str(file))]
    subprocess.run([sys.executable, *download], check=True, capture_output=True)
    build = ["-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run([sys.executable, *build], cwd=project, check=True, capture_output=True)
    downloaded = {tuple(path.name.lower().split("-")[:2]): path for path in WHEELS.iterdir()}
    pins = "".join(file.read_text(encoding="utf-8") for file in pinned)
    for name, version in set(re.findall(r"^([\w.-]+)==([^\s;]+)", pins, re.MULTILINE)):
        wheel = downloaded.get((re.sub(r"[-.]", "_", name), version))
        if wheel:
            shutil.copy(wheel, folder)
        add_substitute(name, version, wheel, folder)


def add_substitute(name: str, version: str, wheel: Path | None, folder: Path) -> None:
    """Add an empty wheel for another system: the bundle's start looks up what every system and Python would install."""
    stem = f"{re.sub(r'[-.]', '_', name)}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    with zipfile.ZipFile(folder / f"{stem}-{ELSEWHERE}.whl", "w") as substitute:
        substitute.writestr(f"{stem}.dist-info/METADATA", read_metadata(wheel) if wheel else metadata)


def time_first_start(way: str, megabits: float, wheels: Path, project: Path) -> FirstStart:
    """Start a server with an empty cache, from an index on a line of so many megabits a second."""
    line = Line(megabits * 1e6 / 8)
    with serve_wheels(wheels, line) as url, _prepare(way, project) as (command, settings):
        started = time.perf_counter()
        with Server(command, settings | {"UV_DEFAULT_INDEX": url}) as server:
            initialized = time.perf_counter() - started
            server.request("tools/list")
            return FirstStart(initialized, time.perf_counter() - started, line.sent / 1e6)


@contextmanager
def _prepare(way: str, project: Path) -> Iterator[tuple[Sequence[str], dict[str, str]]]:
    """Yield the command of a way to start, and an environment with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "UV_CACHE_DIR": f"{folder}/cache",
            "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
            "APIFRAME_DATA_DIR": f"{folder}/data",
            "APIFRAME_SANDBOX": "true",
        }
        yield _build_command(way, project, Path(folder)), settings


def _build_command(way: str, project: Path, folder: Path) -> Sequence[str]:
    if way == "the bundle":
        return _unpack_bundle(project, folder / "bundle")
    extra = ["--from", f"{NAME}[faces]"] if way == WAYS[1] else []
    return [str(UV), "tool", "run", *extra, NAME]


def _unpack_bundle(project: Path, folder: Path) -> Sequence[str]:
    """Copy what the bundle contains to a folder, and return the command of its manifest."""
    packing = _load_packing(project)
    packing["prepare"]()
    shutil.copytree(packing["STAGE"], folder)
    manifest = packing["json"].loads((folder / "manifest.json").read_text(encoding="utf-8"))
    arguments = manifest["server"]["mcp_config"]["args"]
    return [str(UV), *(argument.replace("${__dirname}", str(folder)) for argument in arguments)]


def _load_packing(project: Path) -> dict[str, Any]:
    return runpy.run_path(str(project / ".ci/bundle.py"))
