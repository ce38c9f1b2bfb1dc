"""Where the programs are that `make conformance` installs, and how they are run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
NODE: Final = ROOT / ".cache/node/bin/node"
_INSTALLED: Final = ROOT / ".cache/conformance"
_PACKAGES: Final = _INSTALLED / "node_modules/@modelcontextprotocol"
CONFORMANCE: Final = [str(NODE), str(_PACKAGES / "conformance/dist/index.js")]
INSPECTOR: Final = [str(NODE), str(_PACKAGES / "inspector/clients/launcher/build/index.js")]
TDQS: Final = [str(_INSTALLED / "bin/tdqs")]
SKILLSAW: Final = [str(_INSTALLED / "bin/skillsaw")]
HADOLINT: Final = [str(_INSTALLED / "bin/hadolint")]
TIMEOUT_SECONDS: Final = 180


def command_of_server(generation: str) -> list[str]:
    """Return the command that serves the tools of one generation of the API.

    The setting is in it, because the programs do not pass their environment on.
    """
    setting = f"APIFRAME_API_VERSION={generation}"
    return ["env", setting, str(Path(sys.executable).parent / "apiframe-photo-mcp"), "--sandbox"]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one program. If it starts our server, the server keeps its ledger in `folder`."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("APIFRAME_", "MCP_"))
    }
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment | {"APIFRAME_DATA_DIR": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@contextmanager
def served(*, fixtures: bool) -> Iterator[str]:
    """Serve our server over HTTP in a separate process and return its URL."""
    command = [sys.executable, "-m", "conformance.app", *(["--fixtures"] if fixtures else [])]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                errors.seek(0)
                raise SystemExit(f"The server did not start:\n{errors.read().decode()}")
            yield url
        finally:
            process.terminate()
            process.wait(10)
