"""`make bench`: measure our server and a bare one, side by side in one run.

The exit code is always 0: noise must not fail a build. `python -m bench start call` runs only these parts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.table import Table

from bench import checks, first_start, front, ledgers, measures, peers

PARTS: dict[str, Callable[[], list[measures.Row]]] = {
    "front": front.measure_front,
    "peers": peers.measure_peers,
    "start": measures.measure_start,
    "version": measures.measure_version,
    "first-call": measures.measure_first_call,
    "call": measures.measure_one_call,
    "many": partial(measures.measure_many_calls, "v1"),
    "many-v2": partial(measures.measure_many_calls, "v2"),
    "waits": measures.measure_waits,
    "list": measures.measure_tool_list,
    "ledger": ledgers.measure_large_ledger,
    "checks": checks.measure_checks,
    "first-start": first_start.measure_first_start,
}


def main(names: list[str]) -> None:
    """Measure the named parts, or all, and print a table."""
    table = Table("measured", "ours", "bare", "ratio", "aim", "met")
    for name in names or PARTS:
        for row in PARTS[name]():
            met = {True: "yes", False: "NO", None: ""}[row.met]
            table.add_row(row.what, row.ours, row.theirs, row.ratio, row.aim, met)
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
