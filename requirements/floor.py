"""Run the tests on the lowest versions of the direct dependencies that pyproject.toml allows.

A lower bound that was never tested is a guess. `make test-floor` calls this script with the folder for the environment;
further arguments are passed to pytest.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def pin_lowest(requirement: str) -> str:
    """Return `httpx==0.28.1` for `httpx>=0.28.1,<0.29`, with its marker. Exits if there is no lower bound."""
    match = re.fullmatch(r"([A-Za-z0-9._\[\]-]+)[^;]*?>=\s*([0-9][^,;\s]*)[^;]*(;.*)?", requirement)
    if match is None:
        raise SystemExit(f"{requirement} in pyproject.toml has no lower bound")
    name, version, marker = match.groups(default="")
    return f"{name}=={version}{marker}"


def list_requirements() -> list[str]:
    """Return the project's dependencies and extras in their lowest versions, and the unpinned tools of the tests."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = settings["project"], settings["dependency-groups"]
    extras = [line for extra in project.get("optional-dependencies", {}).values() for line in extra]
    direct = [line for line in [*project["dependencies"], *extras] if not line.startswith(project["name"])]
    return [*map(pin_lowest, direct), *groups["build"], *groups["dev"]]


def main(folder: Path, arguments: list[str]) -> int:
    venv.create(folder, with_pip=True, clear=True)
    python = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *list_requirements()], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--editable", "."], cwd=ROOT, check=True)
    return subprocess.run([python, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
