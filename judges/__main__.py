"""`python -m judges`: run every judge, print what each said, and keep it for the tables in docs/clients.md."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from judges import conformance, listings
from judges.programs import ROOT
from judges.verdicts import Verdict

RESULTS: Final = ROOT / "docs/results/judges.json"


def main() -> int:
    """Returns 1 when a judge found something that has no reason beside it."""
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="apiframe-judges-", ignore_cleanup_errors=True) as folder:
        for verdict in _all(Path(folder)):
            print(verdict, flush=True)
            verdicts.append(verdict)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps([one.as_row() for one in verdicts], indent=2) + "\n", encoding="utf-8")
    return int(any(verdict.unexplained for verdict in verdicts))


def _all(folder: Path) -> Iterator[Verdict]:
    return chain(conformance.verdicts(), listings.verdicts(folder))


if __name__ == "__main__":
    sys.exit(main())
