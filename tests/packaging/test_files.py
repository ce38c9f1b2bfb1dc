"""What no file of the project may contain, and which names scripts must not have."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from .conftest import ROOT, list_files

# Split, so that this file does not contain what it searches for.
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
]
MACHINE_PATHS = ["/ro" + "ot/", "/wo" + "rk/", "/op" + "t/wheels", "/tm" + "p/v/"]
FORBIDDEN = [*map(re.escape, REGISTRIES), *(rf"(?<![\w.]){re.escape(path)}" for path in MACHINE_PATHS)]
LOCKS = {
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pylock.toml",
    "Pipfile.lock",
    "package-lock.json",
    "yarn.lock",
}
SCRIPT_FOLDERS = [".", "server", "tools", "studio", "bench", "requirements", ".ci"]
PINNED = re.compile(
    r"(?P<requirement>[^\s\\]+==[^\\]+?) \\\n(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
)


def list_tracked(archive: Path) -> set[str]:
    """Return the files that git tracks, which leaves out private notes, or all files if there is no git."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    tracked = set(listed.stdout.splitlines()) if (ROOT / ".git").exists() else list_files(archive)
    return {name for name in tracked if (ROOT / name).is_file()}


def find_forbidden(text: str) -> list[str]:
    return [found.group() for pattern in FORBIDDEN for found in re.finditer(pattern, text, re.IGNORECASE)]


@pytest.mark.slow
def test_no_file_names_a_package_registry_or_a_path_on_our_machines(archive: Path) -> None:
    texts = {name: (ROOT / name).read_bytes().decode("utf-8", "replace") for name in list_tracked(archive)}
    assert {name: found for name, text in texts.items() if (found := find_forbidden(text))} == {}


@pytest.mark.parametrize(
    "planted", [f"see https://{REGISTRIES[0]}/simple", f'"{MACHINE_PATHS[0]}x"', MACHINE_PATHS[1]]
)
def test_a_planted_name_is_found(planted: str) -> None:
    assert find_forbidden(planted)


def test_there_is_no_lock_file(archive: Path) -> None:
    assert {name for name in list_tracked(archive) if Path(name).name in LOCKS} == set()


@pytest.mark.parametrize("folder", SCRIPT_FOLDERS)
def test_no_module_next_to_a_script_shadows_the_standard_library(folder: str) -> None:
    stems = {path.stem for path in (ROOT / folder).iterdir() if path.suffix == ".py" or path.is_dir()}
    assert stems & sys.stdlib_module_names == set()


@pytest.mark.parametrize("name", ["run.txt", "faces.txt", "notify.txt", "dev.txt", "site.txt"])
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert PINNED.sub("", text) == "# Made by `make requirements` from pyproject.toml. Do not edit.\n"


@pytest.mark.parametrize(
    ("name", "groups", "extras"),
    [
        ("run.txt", ["build"], []),
        ("faces.txt", ["build"], ["faces"]),
        ("notify.txt", ["build"], ["notify"]),
        ("dev.txt", ["build", "dev"], ["faces", "http", "notify"]),
        ("site.txt", ["site"], []),
    ],
)
def test_the_pins_satisfy_pyproject(name: str, groups: list[str], extras: list[str]) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    pins = [Requirement(found["requirement"]) for found in PINNED.finditer(text)]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    required = [
        *(settings["project"]["dependencies"] if "site" not in groups else ()),
        *(line for group in groups for line in settings["dependency-groups"][group]),
        *(line for extra in extras for line in settings["project"]["optional-dependencies"][extra]),
    ]
    for requirement in map(Requirement, required):
        package = requirement.name.lower()
        versions = [str(pin.specifier).removeprefix("==") for pin in pins if pin.name == package]
        assert versions, f"{requirement} is not pinned: run `make requirements`"
        assert list(requirement.specifier.filter(versions)) == versions, (
            f"{requirement}: run `make requirements`"
        )
