"""An environment for each client, and one for the server, made once under .cache/interop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from interop.roster import Entrant

ROOT: Final = Path(__file__).resolve().parent.parent
HOME: Final = ROOT / ".cache/interop"
NODE: Final = ROOT / ".cache/node/bin"
_BIN: Final = "Scripts" if sys.platform == "win32" else "bin"


class CannotInstall(Exception):
    """A package could not be fetched or does not fit this machine; the text is the installer's last line."""


def server() -> Path:
    """The installed command: a wheel of this checkout in an environment without its source, with tested versions."""
    home = HOME / "server"
    _virtual(home, ("--require-hashes", "-r", str(ROOT / "requirements/run.txt")))
    _pip(home, "--no-deps", "--no-build-isolation", "--force-reinstall", str(ROOT))
    return home / _BIN / "apiframe-photo-mcp"


def prepared(entrant: Entrant) -> list[str]:
    """The command that runs this client, with its packages installed.

    Raises:
        CannotInstall: they cannot be.
    """
    home = HOME / entrant.environment
    script = str(ROOT / "interop/clients" / entrant.script)
    if entrant.script.endswith(".py"):
        _virtual(home, entrant.packages)
        return [str(home / _BIN / "python"), script, entrant.argument]
    _node_packages(home, entrant.packages)
    return [str(NODE / "node"), script, entrant.argument]


def _virtual(home: Path, wanted: tuple[str, ...]) -> None:
    if _has(home, wanted):
        return
    _run([sys.executable, "-m", "venv", "--clear", str(home)])
    _pip(home, *wanted)
    _keep(home, wanted)


def _pip(home: Path, *wanted: str) -> None:
    pip = [str(home / _BIN / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    _run([*pip, *wanted])


def _node_packages(home: Path, wanted: tuple[str, ...]) -> None:
    if _has(home, wanted):
        return
    home.mkdir(parents=True, exist_ok=True)
    quiet = ["--silent", "--no-save", "--no-audit", "--no-fund"]
    _run([str(NODE / "npm"), "install", *quiet, "--prefix", str(home), *wanted])
    _keep(home, wanted)


def _run(command: list[str]) -> None:
    surroundings = os.environ | {"PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines() or ["no word of why"]
        raise CannotInstall(said[-1])


def _has(home: Path, wanted: tuple[str, ...]) -> bool:
    stamp = home / "installed.txt"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == "\n".join(wanted)


def _keep(home: Path, wanted: tuple[str, ...]) -> None:
    (home / "installed.txt").write_text("\n".join(wanted), encoding="utf-8")
