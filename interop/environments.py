"""One environment for each client and one for the server, created once under .cache/interop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from interop.clients import ClientSpec

ROOT: Final = Path(__file__).resolve().parent.parent
HOME: Final = ROOT / ".cache/interop"
NODE: Final = ROOT / ".cache/node/bin"
_BIN: Final = "Scripts" if sys.platform == "win32" else "bin"


class CannotInstall(Exception):
    """A package could not be fetched or does not fit this machine; the text is the installer's last line."""


def install_server() -> Path:
    """Install this checkout as a wheel with the tested versions, away from its source, and return the command."""
    home = HOME / "server"
    _make_venv(home, ("--require-hashes", "-r", str(ROOT / "requirements/run.txt")))
    _pip_install(home, "--no-deps", "--no-build-isolation", "--force-reinstall", str(ROOT))
    return home / _BIN / "apiframe-photo-mcp"


def prepare_command(spec: ClientSpec) -> list[str]:
    """Install the client's packages and return the command that runs it.

    Raises:
        CannotInstall: the packages cannot be installed.
    """
    home = HOME / spec.environment
    script = str(ROOT / "interop/scripts" / spec.script)
    if spec.script.endswith(".py"):
        _make_venv(home, spec.packages)
        return [str(home / _BIN / "python"), script, spec.argument]
    install_node_packages(home, spec.packages)
    return [str(NODE / "node"), script, spec.argument]


def _make_venv(home: Path, packages: tuple[str, ...]) -> None:
    if _is_installed(home, packages):
        return
    _run([sys.executable, "-m", "venv", "--clear", str(home)])
    _pip_install(home, *packages)
    _mark_installed(home, packages)


def _pip_install(home: Path, *packages: str) -> None:
    pip = [str(home / _BIN / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    _run([*pip, *packages])


def install_node_packages(home: Path, packages: tuple[str, ...]) -> None:
    """Install packages with npm into a folder, once.

    Raises:
        CannotInstall: the packages cannot be installed.
    """
    if _is_installed(home, packages):
        return
    home.mkdir(parents=True, exist_ok=True)
    quiet = ["--silent", "--no-save", "--no-audit", "--no-fund"]
    _run([str(NODE / "npm"), "install", *quiet, "--prefix", str(home), *packages])
    _mark_installed(home, packages)


def _run(command: list[str]) -> None:
    environment = os.environ | {"PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        output = (done.stderr + done.stdout).strip().splitlines() or ["no output"]
        raise CannotInstall(output[-1])


def _is_installed(home: Path, packages: tuple[str, ...]) -> bool:
    stamp = home / "installed.txt"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == "\n".join(packages)


def _mark_installed(home: Path, packages: tuple[str, ...]) -> None:
    (home / "installed.txt").write_text("\n".join(packages), encoding="utf-8")
