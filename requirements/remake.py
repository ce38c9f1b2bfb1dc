"""Make the pinned, hashed requirement files of this folder from pyproject.toml.

`run.txt` has what the server needs, `faces.txt` adds the face checks and `notify.txt` the notifications, `dev.txt` has
what a developer needs, and `site.txt` what the documentation needs. Each line has the hashes of all files of that
release, so that one file is valid for Linux, macOS and Windows and every Python version that pyproject.toml allows; a
line for some systems only has an environment marker.

`make requirements` runs this script with Poetry from a separate environment. Poetry only resolves the versions. Its
lock file names the index that the packages came from, so it is written to a temporary folder and deleted.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pip._internal.models.index import PyPI

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent / "pyproject.toml"
POETRY = [sys.executable, "-m", "poetry", "--no-interaction", "--quiet"]

# What each file has besides the project's dependencies, as options of Poetry.
FILES = {
    "run.txt": ["--with", "build"],
    "faces.txt": ["--with", "build", "--extras", "faces"],
    "notify.txt": ["--with", "build", "--extras", "notify"],
    "dev.txt": ["--with", "build,dev", "--all-extras"],
    "site.txt": ["--only", "site"],
}
HEADER = "# Made by `make requirements` from pyproject.toml. Do not edit.\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        resolve_versions(Path(folder))
        for name, options in FILES.items():
            exported = export_requirements(Path(folder), options)
            (HERE / name).write_text(HEADER + simplify_markers(exported), encoding="utf-8")
            print(f"requirements/{name}: {exported.count('==')} packages")


def resolve_versions(folder: Path) -> None:
    """Write a lock file in `folder`, using the simple index: Poetry's default interface does not list every release."""
    shutil.copy(PROJECT, folder)
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as project:
        project.write(
            "\n[tool.poetry]\npackage-mode = false\n"
            f'\n[[tool.poetry.source]]\nname = "index"\nurl = "{PyPI.simple_url}/"\npriority = "primary"\n'
        )
    subprocess.run([*POETRY, "lock"], cwd=folder, check=True)


def export_requirements(folder: Path, options: list[str]) -> str:
    command = [*POETRY, "export", "--without-urls", "--output", "out.txt", *options]
    subprocess.run(command, cwd=folder, check=True)
    return (folder / "out.txt").read_text(encoding="utf-8")


def simplify_markers(exported: str) -> str:
    """Remove the marker that only repeats `requires-python`, and packages for Python in a browser."""
    everywhere = r'python_version >= "3\.11" and python_version < "3\.15"'
    text = re.sub(rf" ; {everywhere} \\", r" \\", exported)
    text = re.sub(rf" ; {everywhere} and ", " ; ", text)
    browser = r'^\S+ ; [^\n]*sys_platform == "emscripten" \\\n(?:    --hash\S+(?: \\)?\n)+'
    return re.sub(browser, "", text, flags=re.MULTILINE)


if __name__ == "__main__":
    main()
