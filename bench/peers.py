"""Two servers on Node beside ours: from start to the list of tools, and the memory then.

They are installed from the package index at the first run, under .cache/peers. Without an index they are skipped.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from bench.measures import COMMAND, RUNS, Row, build_row
from bench.wire import Start, measure_start_to_list
from interop.environments import NODE, ROOT, CannotInstall, install_node_packages

HOME: Final = ROOT / ".cache/peers"


@dataclass(frozen=True)
class Peer:
    """A server on Node: `script` is below its package, `key` the variable without which it does not start."""

    package: str
    version: str
    script: str
    key: str

    @property
    def command(self) -> list[str]:
        """The command that starts it."""
        return [str(NODE / "node"), str(HOME / "node_modules" / self.package / self.script)]


PEERS: Final = (
    Peer("replicate-mcp", "0.9.0", "index.js", "REPLICATE_API_TOKEN"),
    Peer("@modelcontextprotocol/server-everart", "0.6.2", "dist/index.js", "EVERART_API_KEY"),
)


def measure_peers() -> list[Row]:
    """Measure ours and each peer, taking turns; nothing if they cannot be installed."""
    try:
        install_node_packages(HOME, tuple(f"{peer.package}@{peer.version}" for peer in PEERS))
    except (CannotInstall, FileNotFoundError) as error:
        Console().print(f"peers: skipped, cannot be installed here ({error})")
        return []
    with tempfile.TemporaryDirectory() as folder:
        rounds = [_measure_round(folder) for _ in range(RUNS + 1)][1:]
    ours, *others = zip(*rounds, strict=True)
    return [
        row for peer, theirs in zip(PEERS, others, strict=True) for row in _build_rows(peer, ours, theirs)
    ]


def _measure_round(folder: str) -> list[Start]:
    theirs = [measure_start_to_list(peer.command, {peer.key: "none"}) for peer in PEERS]
    return [measure_start_to_list([COMMAND], {"APIFRAME_DATA_DIR": folder}), *theirs]


def _build_rows(peer: Peer, ours: tuple[Start, ...], theirs: tuple[Start, ...]) -> list[Row]:
    name = f"{peer.package} {peer.version}"
    times = [[one.milliseconds for one in starts] for starts in (ours, theirs)]
    sizes = [[one.megabytes for one in starts] for starts in (ours, theirs)]
    return [
        build_row(f"start to tools/list, beside {name}", "ms", *times),
        build_row(f"idle memory, beside {name}", "MB", *sizes),
    ]
