"""What the package shows, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import apiframe_studio.api as face

HEAVY = ["httpx", "stamina", "truststore", "tenacity", "pydantic", "anyio"]


def test_all_is_the_truth() -> None:
    public = {
        name
        for name, value in vars(face).items()
        if getattr(value, "__module__", "").startswith("apiframe_studio.api")
    }
    lazy = {"ApiframeV1", "Deadlines"}
    assert set(face.__all__) == {name for name in public if not name.startswith("_")} | lazy
    assert face.__all__ == sorted(face.__all__)
    assert all(getattr(face, name).__name__ == name for name in face.__all__)


def test_an_unknown_name_is_told_by_name() -> None:
    with pytest.raises(AttributeError, match="ApiframeV9"):
        _ = face.ApiframeV9


@pytest.mark.parametrize(
    "module", ["apiframe_studio.api", "apiframe_studio.api.answers", "apiframe_studio.api.masks"]
)
def test_the_facts_cost_no_http_library(module: str) -> None:
    script = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_importing_the_client_reads_no_certificates_and_asks_no_environment() -> None:
    script = "import sys, apiframe_studio.api.v1; print('truststore' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "False"
