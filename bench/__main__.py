"""`make bench`: our server and a bare one, side by side in one run.

Exits with 0 whatever it finds: noise must not fail a build. `python -m bench start call` runs only those.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from bench import checks, ledgers, measures

PARTS = {
    "start": measures.start_and_memory,
    "version": measures.version,
    "call": measures.one_call,
    "many": measures.many_calls,
    "waits": measures.thousand_waits,
    "list": measures.tool_list,
    "ledger": ledgers.large_ledger,
    "checks": checks.checks_at_once,
}


def main(wanted: list[str]) -> None:
    """Measure and print a table."""
    table = Table("measured", "ours", "bare", "ratio", "aim", "met")
    for name in wanted or PARTS:
        for row in PARTS[name]():
            met = {True: "yes", False: "NO", None: ""}[row.met]
            table.add_row(row.what, row.ours, row.theirs, row.ratio, row.aim, met)
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
