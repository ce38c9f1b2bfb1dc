"""What importing parts of the package costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["httpx", "stamina", "truststore", "tenacity", "pydantic", "anyio", "mcp"]
LIGHT = ["provider", "select", "v1.terms", "v1.wire", "v2.terms", "http.responses", "http.redaction"]


def loaded_by(module: str, names: list[str]) -> list[str]:
    script = f"import sys, {module}; print(*(name for name in {names!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("module", LIGHT)
def test_the_modules_of_every_start_import_no_http_library(module: str) -> None:
    assert loaded_by(f"apiframe_studio.api.{module}", HEAVY) == []


def test_importing_the_client_loads_no_certificates() -> None:
    assert loaded_by("apiframe_studio.api.v1.client", ["truststore"]) == []
    assert loaded_by("apiframe_studio.api.v2.client", ["truststore"]) == []
