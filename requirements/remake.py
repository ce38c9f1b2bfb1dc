"""Make the pinned, hashed requirement files of this folder from pyproject.toml.

`run.txt` is what runs the server, `faces.txt` the same with the face checks, `dev.txt` what a developer
needs, `site.txt` what builds the documentation. Each line holds the hashes of every file of that release, so that
one file serves Linux, macOS and Windows on every Python that pyproject.toml allows; where systems differ the line
carries an environment marker.

Run by `make requirements`, which puts Poetry into a folder of its own. Poetry only resolves here; its lock
file names the place packages came from, so it is made in a temporary folder and thrown away.
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

# What each file holds besides the project's own dependencies, in Poetry's words.
FILES = {
    "run.txt": ["--with", "build"],
    "faces.txt": ["--with", "build", "--extras", "faces"],
    "dev.txt": ["--with", "build,dev", "--all-extras"],
    "site.txt": ["--only", "site"],
}
HEADER = "# Made by `make requirements` from pyproject.toml. Do not edit.\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        resolve(Path(folder))
        for name, choice in FILES.items():
            exported = export(Path(folder), choice)
            (HERE / name).write_text(HEADER + tidy(exported), encoding="utf-8")
            print(f"requirements/{name}: {exported.count('==')} packages")


def resolve(folder: Path) -> None:
    """Lock in `folder`, through the plain file index: Poetry's other way in does not know every release."""
    shutil.copy(PROJECT, folder)
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as project:
        project.write(
            "\n[tool.poetry]\npackage-mode = false\n"
            f'\n[[tool.poetry.source]]\nname = "index"\nurl = "{PyPI.simple_url}/"\npriority = "primary"\n'
        )
    subprocess.run([*POETRY, "lock"], cwd=folder, check=True)


def export(folder: Path, choice: list[str]) -> str:
    command = [*POETRY, "export", "--without-urls", "--output", "out.txt", *choice]
    subprocess.run(command, cwd=folder, check=True)
    return (folder / "out.txt").read_text(encoding="utf-8")


def tidy(exported: str) -> str:
    """Drop the marker that only repeats `requires-python`, and the packages of a browser's Python."""
    everywhere = r'python_version >= "3\.11" and python_version < "3\.15"'
    text = re.sub(rf" ; {everywhere} \\", r" \\", exported)
    text = re.sub(rf" ; {everywhere} and ", " ; ", text)
    browser = r'^\S+ ; [^\n]*sys_platform == "emscripten" \\\n(?:    --hash\S+(?: \\)?\n)+'
    return re.sub(browser, "", text, flags=re.MULTILINE)


if __name__ == "__main__":
    main()
