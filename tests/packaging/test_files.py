"""What no file of the project may hold, and what every script must be called."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from .conftest import ROOT, files_of

# Written apart, so that this file does not hold what it looks for.
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


def committed(archive: Path) -> set[str]:
    """The files git knows, so that a note kept beside them is not judged; all files where there is no git."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    known = set(listed.stdout.splitlines()) if (ROOT / ".git").exists() else files_of(archive)
    return {name for name in known if (ROOT / name).is_file()}


def findings(text: str) -> list[str]:
    return [found.group() for pattern in FORBIDDEN for found in re.finditer(pattern, text, re.IGNORECASE)]


def test_no_file_names_a_package_registry_or_a_place_on_our_machines(archive: Path) -> None:
    texts = {name: (ROOT / name).read_bytes().decode("utf-8", "replace") for name in committed(archive)}
    assert {name: found for name, text in texts.items() if (found := findings(text))} == {}


@pytest.mark.parametrize(
    "planted", [f"see https://{REGISTRIES[0]}/simple", f'"{MACHINE_PATHS[0]}x"', MACHINE_PATHS[1]]
)
def test_such_a_name_would_be_found(planted: str) -> None:
    assert findings(planted)


def test_no_lock_file_is_kept(archive: Path) -> None:
    assert {name for name in committed(archive) if Path(name).name in LOCKS} == set()


@pytest.mark.parametrize("folder", SCRIPT_FOLDERS)
def test_nothing_beside_a_script_hides_a_module_of_the_standard_library(folder: str) -> None:
    stems = {path.stem for path in (ROOT / folder).iterdir() if path.suffix == ".py" or path.is_dir()}
    assert stems & sys.stdlib_module_names == set()


@pytest.mark.parametrize("name", ["run.txt", "faces.txt", "dev.txt", "site.txt"])
def test_every_requirement_is_pinned_and_hashed_and_nothing_else_is_said(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert PINNED.sub("", text) == "# Made by `make requirements` from pyproject.toml. Do not edit.\n"


@pytest.mark.parametrize(
    ("name", "groups", "extras"),
    [
        ("run.txt", ["build"], []),
        ("faces.txt", ["build"], ["faces"]),
        ("dev.txt", ["build", "dev"], ["faces"]),
        ("site.txt", ["site"], []),
    ],
)
def test_the_pins_are_what_pyproject_asks_for(name: str, groups: list[str], extras: list[str]) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    pins = [Requirement(found["requirement"]) for found in PINNED.finditer(text)]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [
        *(settings["project"]["dependencies"] if "site" not in groups else ()),
        *(line for group in groups for line in settings["dependency-groups"][group]),
        *(line for extra in extras for line in settings["project"]["optional-dependencies"][extra]),
    ]
    for wanted in map(Requirement, asked):
        versions = [str(pin.specifier).removeprefix("==") for pin in pins if pin.name == wanted.name.lower()]
        assert versions, f"{wanted} is not pinned: run `make requirements`"
        assert list(wanted.specifier.filter(versions)) == versions, f"{wanted}: run `make requirements`"
