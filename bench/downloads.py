"""`python -m bench.downloads`: measure what an installation downloads, with and without the face checks.

It downloads the wheels for this machine from the package index that pip uses, and writes the sizes to
docs/results/downloads.json, from which the pages take them.
"""

from __future__ import annotations

import datetime
import json
import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "docs/results/downloads.json"
OURS: Final = "apiframe_photo_mcp"


def main() -> None:
    measured: dict[str, Any] = {
        "platform": sysconfig.get_platform(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "date": f"{datetime.datetime.now(datetime.UTC).date()}",
        "plain": measure_download(str(ROOT)),
        "faces": measure_download(f"{ROOT}[faces]"),
    }
    RESULTS.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(measured, indent=2))


def measure_download(requirement: str) -> dict[str, float]:
    """Return the number of wheels of a requirement without our own, and their size in megabytes (10**6 bytes)."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "--quiet", "download", "--dest", folder, requirement]
        subprocess.run(command, check=True)
        sizes = [path.stat().st_size for path in Path(folder).iterdir() if not path.name.startswith(OURS)]
    return {"wheels": len(sizes), "megabytes": round(sum(sizes) / 1e6, 1)}


if __name__ == "__main__":
    main()
