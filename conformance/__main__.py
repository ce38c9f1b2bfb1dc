"""`python -m conformance`: run all checks, print their reports and save them for the tables in docs/clients.md."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from conformance import listings, protocol
from conformance.programs import ROOT
from conformance.reports import Report

RESULTS: Final = ROOT / "docs/results/conformance.json"


def main() -> int:
    """Return 1 if a check failed without a documented reason."""
    reports: list[Report] = []
    with tempfile.TemporaryDirectory(prefix="apiframe-conformance-", ignore_cleanup_errors=True) as folder:
        for report in _run_all(Path(folder)):
            print(report, flush=True)
            reports.append(report)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps([one.as_row() for one in reports], indent=2) + "\n", encoding="utf-8")
    return int(any(report.unexplained for report in reports))


def _run_all(folder: Path) -> Iterator[Report]:
    return chain(protocol.run_suite(), listings.run_checks(folder))


if __name__ == "__main__":
    sys.exit(main())
