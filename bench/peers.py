"""Two servers on Node beside ours: from start to the list of tools, and the memory then.

They are installed from the package index at the first run, under .cache/peers. Without an index they are skipped.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console

from bench.measures import COMMAND, RUNS, Row
from bench.wire import Start, measure_start_to_list

ROOT: Final = Path(__file__).resolve().parents[1]
HOME: Final = ROOT / ".cache/peers"
NODE: Final = ROOT / ".cache/node/bin"


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
    if problem := _install():
        Console().print(f"peers: skipped, {problem}")
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
    times = median(one.milliseconds for one in ours), median(one.milliseconds for one in theirs)
    sizes = median(one.megabytes for one in ours), median(one.megabytes for one in theirs)
    return [
        _build_row(f"start to tools/list, beside {name}", "ms", *times),
        _build_row(f"idle memory, beside {name}", "MB", *sizes),
    ]


def _build_row(what: str, unit: str, ours: float, theirs: float) -> Row:
    return Row(what, f"{ours:.1f} {unit}", f"{theirs:.1f} {unit}", f"{ours / theirs:.2f}")


def _install() -> str:
    """Install the peers, once. Returns why they cannot be installed, or nothing."""
    if all(Path(peer.command[1]).is_file() for peer in PEERS):
        return ""
    if not (NODE / "npm").exists():
        return "Node is missing: make .cache/node/stamp"
    packages = [f"{peer.package}@{peer.version}" for peer in PEERS]
    quiet = ["--silent", "--no-save", "--no-audit", "--no-fund", "--prefix", str(HOME)]
    environment = os.environ | {"PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}"}
    HOME.mkdir(parents=True, exist_ok=True)
    command = [str(NODE / "npm"), "install", *quiet, *packages]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    last = (done.stderr + done.stdout).strip().splitlines()[-1:] or ["no output"]
    return f"npm could not install them ({last[0]})" if done.returncode else ""
