"""The import contracts are kept, and a forbidden import breaks each of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from .conftest import PACKAGES

pytestmark = pytest.mark.slow

LAYERS = "Layers import downwards only"
FRONT = "The front imports nothing that takes time"
HTTP = "Only api.http and the sandbox's webhooks import httpx"
CLIENT = "The service's client is built in layers"
NUMPY = "Only the face checks import numpy and OpenCV"
NO_MCP = "The studio never imports mcp"
SANDBOX = "The sandbox's modules import downwards only"
SANDBOX_V1 = "The calls of the sandbox's v1 are independent"
SANDBOX_V2 = "The calls of the sandbox's v2 are independent"
INDEPENDENT = "The sandbox states the contract itself"

PLANTED = [
    (LAYERS, "studio/apiframe_studio/planted.py", "import apiframe_tools"),
    (LAYERS, "studio/apiframe_studio/planted.py", "from apiframe_server import __version__"),
    (LAYERS, "tools/apiframe_tools/planted.py", "import apiframe_server"),
    (FRONT, "server/apiframe_server/front/answering.py", "from pydantic import BaseModel"),
    (FRONT, "server/apiframe_server/descriptors.py", "import logging"),
    (HTTP, "server/apiframe_server/planted.py", "import httpx"),
    (HTTP, "tools/apiframe_tools/planted.py", "from httpx import AsyncClient"),
    (HTTP, "studio/apiframe_studio/planted.py", "import httpx"),
    (HTTP, "studio/apiframe_studio/planted.py", "def fetch() -> None:\n    import httpx"),
    (HTTP, "studio/apiframe_studio/planted.py", "import httpx2"),
    (HTTP, "studio/apiframe_studio/sandbox/planted.py", "import httpx"),
    (HTTP, "studio/apiframe_studio/planted.py", "import requests"),
    (HTTP, "studio/apiframe_studio/api/v1/planted.py", "import httpx"),
    (
        CLIENT,
        "studio/apiframe_studio/api/http/planted.py",
        "from apiframe_studio.api.v1.terms import V1_TERMS",
    ),
    (
        CLIENT,
        "studio/apiframe_studio/api/v1/planted.py",
        "from apiframe_studio.api.select import select_terms",
    ),
    (
        CLIENT,
        "studio/apiframe_studio/api/v2/planted.py",
        "from apiframe_studio.api.v1.wire import read_task",
    ),
    (NUMPY, "studio/apiframe_studio/photos/planted.py", "import numpy"),
    (NUMPY, "studio/apiframe_studio/photos/similarity.py", "def measure() -> None:\n    import numpy"),
    (NUMPY, "studio/apiframe_studio/photos/planted.py", "import cv2"),
    (NO_MCP, "studio/apiframe_studio/planted.py", "import mcp.types"),
    (NO_MCP, "studio/apiframe_studio/api/planted.py", "from mcp_types import Tool"),
    (SANDBOX, "studio/apiframe_studio/sandbox/state.py", "from .sandbox import Sandbox"),
    (SANDBOX, "studio/apiframe_studio/sandbox/store.py", "from .v1.uploads import CREDITS"),
    (SANDBOX_V1, "studio/apiframe_studio/sandbox/v1/uploads.py", "from .trainings import train"),
    (SANDBOX_V2, "studio/apiframe_studio/sandbox/v2/images.py", "from .loras import create"),
    (SANDBOX, "studio/apiframe_studio/sandbox/v2/images.py", "from ..v1.generations import generate"),
    (INDEPENDENT, "studio/apiframe_studio/sandbox/v1/uploads.py", "from apiframe_studio.api import v1"),
]


def lint(folder: Path) -> str:
    """Return what import-linter prints about the packages under `folder`, and only those."""
    roots = os.pathsep.join(str(folder / root) for root in PACKAGES)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as lint; lint()",
            "--no-cache",
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": roots, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


@pytest.fixture
def copy(archive: Path, tmp_path: Path) -> Path:
    shutil.copy(archive / "pyproject.toml", tmp_path)
    for root in PACKAGES:
        shutil.copytree(archive / root, tmp_path / root)
    return tmp_path


def test_the_contracts_are_kept(copy: Path) -> None:
    settings = tomllib.loads((copy / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    assert f"{len(contracts)} kept, 0 broken" in lint(copy)


@pytest.mark.parametrize(("contract", "where", "line"), PLANTED)
def test_a_planted_import_breaks_its_contract(copy: Path, contract: str, where: str, line: str) -> None:
    (copy / where).write_text(f"{line}\n", encoding="utf-8")
    assert f"{contract} BROKEN" in lint(copy)


@pytest.mark.parametrize("line", ["import http.client", "from urllib.request import urlopen"])
def test_http_of_the_standard_library_is_rejected_too(copy: Path, line: str) -> None:
    planted = copy / "studio/apiframe_studio/planted.py"
    planted.write_text(f"{line}\n", encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", str(planted)]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert "through httpx" in done.stdout
