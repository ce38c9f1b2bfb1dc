"""Run the tests on the lowest versions of the direct dependencies that pyproject.toml allows.

A lower bound nobody has run is a guess. Called by `make test-floor` with the folder for the environment; what
follows it goes to pytest.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def lowest(requirement: str) -> str:
    """`httpx>=0.28.1,<0.29` is `httpx==0.28.1`; a marker stays, no lower bound is an error."""
    found = re.fullmatch(r"([A-Za-z0-9._\[\]-]+)[^;]*?>=\s*([0-9][^,;\s]*)[^;]*(;.*)?", requirement)
    if found is None:
        raise SystemExit(f"{requirement} in pyproject.toml has no lower bound")
    name, version, marker = found.groups(default="")
    return f"{name}=={version}{marker}"


def requirements() -> list[str]:
    """The project's own dependencies and extras at their lowest, the tools of the tests as they come."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = settings["project"], settings["dependency-groups"]
    extras = [line for extra in project.get("optional-dependencies", {}).values() for line in extra]
    own = [line for line in [*project["dependencies"], *extras] if not line.startswith(project["name"])]
    return [*map(lowest, own), *groups["build"], *groups["dev"]]


def main(folder: Path, arguments: list[str]) -> int:
    venv.create(folder, with_pip=True, clear=True)
    python = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *requirements()], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--editable", "."], cwd=ROOT, check=True)
    return subprocess.run([python, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
