"""`make` gets over an environment that was broken off while it was made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")

# Stands in for Python and for the one of the environment, so that nothing is downloaded: whether an
# environment is used or made again is the Makefile's doing.
STUB = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
"-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; test ! -e {folder}/no-venv ;;
*"install --require-hashes"*) test ! -e {folder}/no-network ;;
*) test ! -e {folder}/no-pip ;;
esac
"""


class Made:
    """A run of `make` for an environment of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.venv = folder / "environment"
        self._folder = folder
        self._log = folder / "log"
        self._python = folder / "python"
        self._python.write_text(STUB.format(log=self._log, folder=folder))
        self._python.chmod(0o755)

    def make(self, *broken: str) -> tuple[bool, bool]:
        """Whether it succeeded, and whether the environment was made (again)."""
        for name in broken:
            (self._folder / name).touch()
        self._log.unlink(missing_ok=True)
        command = ["make", f"PYTHON={self._python}", f"VENV={self.venv}", str(self.venv / "run.stamp")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        for name in broken:
            (self._folder / name).unlink()
        told = self._log.read_text() if self._log.exists() else ""
        return done.returncode == 0, f"-m venv {self.venv}" in told


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


@pytest.mark.parametrize("broken", ["no-venv", "no-network"])
def test_an_environment_that_was_broken_off_is_made_again(made: Made, broken: str) -> None:
    assert made.make(broken) == (False, True)
    (made.venv / "half-written").touch()
    assert not (made.venv / "run.stamp").exists()
    assert made.make() == (True, True)
    assert not (made.venv / "half-written").exists()
    assert made.make() == (True, False)


def test_an_environment_whose_python_or_pip_has_gone_is_made_again(made: Made) -> None:
    assert made.make() == (True, True)
    (made.venv / "run.stamp").unlink()
    assert made.make("no-pip") == (False, True)
    assert made.make() == (True, True)
    (made.venv / "bin" / "python").unlink()
    (made.venv / "run.stamp").unlink()
    assert made.make() == (True, True)


def test_a_whole_environment_whose_requirements_could_not_be_updated_is_kept(made: Made) -> None:
    assert made.make() == (True, True)
    (made.venv / "run.stamp").unlink()
    assert made.make("no-network") == (False, False)
    assert made.make() == (True, False)
