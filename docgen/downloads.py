"""The size of an installation's download, as measured by `python -m bench.downloads`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

MEASURED: Final = Path(__file__).resolve().parent.parent / "docs/results/downloads.json"


def describe_sizes() -> str:
    """Return the sizes as a sentence."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    plain, faces = (measured[name]["megabytes"] for name in ("plain", "faces"))
    return (
        f"The face checks add {faces - plain:.0f} MB to a download of {plain:.0f} MB "
        f"(wheels for {measured['platform']}, Python {measured['python']}, {measured['date']})."
    )
