"""Run the tests with coverage, report it by package, and fail below the limits: `make coverage`.

Arguments are passed to pytest. Tests that coverage would change have the marker `no_coverage`, with the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / ".cache" / "coverage"
REPORT = DATA / "report.json"
CORE = ("ledger.states", "ledger.dedup", "submitter", "tracker", "api")
"""What decides about payments, in apiframe_studio."""
MIN_CORE, MIN_EACH = 95.0, 90.0
TESTS = [
    "-m",
    "pytest",
    "--numprocesses",
    "auto",
    "--dist",
    "worksteal",
    "-m",
    "not long and not no_coverage",
]


@dataclass
class Coverage:
    """How many lines and branches there are, and how many of them ran."""

    total: int = 0
    ran: int = 0

    def add(self, summary: dict[str, Any]) -> None:
        """Add the numbers of a module."""
        self.total += summary["num_statements"] + summary["num_branches"]
        self.ran += summary["covered_lines"] + summary["covered_branches"]

    @property
    def percent(self) -> float:
        """The share that ran, rounded down."""
        return self.ran * 1000 // self.total / 10 if self.total else 100.0


def measure(arguments: list[str]) -> int:
    """Run the tests and write the report. Returns the exit code of pytest."""
    DATA.mkdir(parents=True, exist_ok=True)
    _coverage("erase")
    code = _coverage("run", *TESTS, *arguments)
    _coverage("combine", "--quiet")
    # The copies that the tests of the packages install are gone by now.
    _coverage("json", "--quiet", "--ignore-errors", "-o", str(REPORT))
    return code


def summarize(files: dict[str, Any]) -> tuple[dict[str, Coverage], dict[str, Coverage]]:
    """Return the coverage of each package and of each part of the core."""
    packages: dict[str, Coverage] = defaultdict(Coverage)
    core: dict[str, Coverage] = defaultdict(Coverage)
    everything = Coverage()
    for path, file in files.items():
        _, *parts = PurePath(path).with_suffix("").parts
        packages[".".join(parts[:2] if len(parts) > 2 else parts[:1])].add(file["summary"])
        name = ".".join(parts[1:])
        for part in CORE:
            if parts[0] == "apiframe_studio" and f"{name}.".startswith(f"{part}."):
                core[part].add(file["summary"])
        everything.add(file["summary"])
    return {**packages, "all": everything}, dict(core)


def main() -> int:
    """Measure, print the table, and return 1 if a test failed or a limit is not reached."""
    code = measure(sys.argv[1:])
    packages, core = summarize(json.loads(REPORT.read_text())["files"])
    low = []
    for title, parts, limit in (("package", packages, MIN_EACH), ("core", core, MIN_CORE)):
        print(f"\n| {title} | lines and branches | that ran |\n| --- | --- | --- |")
        for name, part in sorted(parts.items()):
            print(f"| {name} | {part.total:,} | {part.percent:.1f} % |")
            low += [f"{name} is below {limit:.0f} %"] if part.percent < limit else []
    print("\n".join(["", *low]), file=sys.stderr)
    return 1 if code or low else 0


def _coverage(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
