"""`make` recovers from an environment whose creation was interrupted, and lets the tests keep their bytecode."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make"),
]

# A substitute for Python and for the environment's Python, so that nothing is downloaded: the tests are about when
# the Makefile uses an environment and when it creates it again.
STUB = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
"-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; test ! -e {folder}/no-venv ;;
*"install --require-hashes"*) test ! -e {folder}/no-network ;;
*) test ! -e {folder}/no-pip ;;
esac
"""


class Project:
    """Runs `make` for a separate environment."""

    def __init__(self, folder: Path) -> None:
        self.venv = folder / "environment"
        self._folder = folder
        self._log = folder / "log"
        self._python = folder / "python"
        self._python.write_text(STUB.format(log=self._log, folder=folder))
        self._python.chmod(0o755)

    def make(self, *broken: str) -> tuple[bool, bool]:
        """Return whether `make` succeeded and whether it created the environment."""
        for name in broken:
            (self._folder / name).touch()
        self._log.unlink(missing_ok=True)
        command = ["make", f"PYTHON={self._python}", f"VENV={self.venv}", str(self.venv / "run.stamp")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        for name in broken:
            (self._folder / name).unlink()
        log = self._log.read_text() if self._log.exists() else ""
        return done.returncode == 0, f"-m venv {self.venv}" in log


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize("broken", ["no-venv", "no-network"])
def test_an_environment_whose_creation_failed_is_created_again(project: Project, broken: str) -> None:
    assert project.make(broken) == (False, True)
    (project.venv / "half-written").touch()
    assert not (project.venv / "run.stamp").exists()
    assert project.make() == (True, True)
    assert not (project.venv / "half-written").exists()
    assert project.make() == (True, False)


def test_an_environment_without_python_or_pip_is_created_again(project: Project) -> None:
    assert project.make() == (True, True)
    (project.venv / "run.stamp").unlink()
    assert project.make("no-pip") == (False, True)
    assert project.make() == (True, True)
    (project.venv / "bin" / "python").unlink()
    (project.venv / "run.stamp").unlink()
    assert project.make() == (True, True)


def test_an_intact_environment_is_kept_if_its_requirements_cannot_be_updated(project: Project) -> None:
    assert project.make() == (True, True)
    (project.venv / "run.stamp").unlink()
    assert project.make("no-network") == (False, False)
    assert project.make() == (True, False)


@pytest.mark.parametrize("target", ["test", "test-fast", "test-long", "test-kills"])
def test_the_tests_keep_bytecode_also_in_a_shell_that_forbids_it(tmp_path: Path, target: str) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "forbidden: $PYTHONDONTWRITEBYTECODE."\n')
    python.chmod(0o755)
    stamp = tmp_path / "dev.stamp"
    stamp.touch()
    # Under `make test` this is a make within a make, which would print the directories it enters.
    command = ["make", "--no-print-directory", f"VENV={tmp_path}", "--old-file", str(stamp), target]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "forbidden: .\n", done.stderr
