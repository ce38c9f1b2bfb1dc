"""Where the judges are, which `make judges` has installed, and how they are run."""

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
_INSTALLED: Final = ROOT / ".cache/judges"
_PACKAGES: Final = _INSTALLED / "node_modules/@modelcontextprotocol"
CONFORMANCE: Final = [str(NODE), str(_PACKAGES / "conformance/dist/index.js")]
INSPECTOR: Final = [str(NODE), str(_PACKAGES / "inspector/clients/launcher/build/index.js")]
TDQS: Final = [str(_INSTALLED / "bin/tdqs")]
SKILLSAW: Final = [str(_INSTALLED / "bin/skillsaw")]
HADOLINT: Final = [str(_INSTALLED / "bin/hadolint")]
SERVER: Final = [str(Path(sys.executable).parent / "apiframe-photo-mcp"), "--sandbox"]
PATIENCE_SECONDS: Final = 180


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one judge; our server, when it starts one, keeps its ledger in `folder`."""
    surroundings = {
        name: value for name, value in os.environ.items() if not name.startswith(("APIFRAME_", "MCP_"))
    }
    return subprocess.run(
        command,
        cwd=ROOT,
        env=surroundings | {"APIFRAME_DATA_DIR": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@contextmanager
def served(*, fixtures: bool) -> Iterator[str]:
    """Our server over HTTP in a process of its own; gives its address."""
    command = [sys.executable, "-m", "judges.app", *(["--fixtures"] if fixtures else [])]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=said, text=True)
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address:
                said.seek(0)
                raise SystemExit(f"The server did not start:\n{said.read().decode()}")
            yield address
        finally:
            process.terminate()
            process.wait(10)
