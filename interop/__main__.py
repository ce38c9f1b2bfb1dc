"""`python -m interop [client …]`: every client through the main job; the results go into docs/clients.md."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Final

from interop import environments, job
from interop.client import ClientEnded, started
from interop.roster import ROSTER, Entrant

RESULTS: Final = environments.ROOT / "docs/results/interop.json"


def main(named: list[str]) -> int:
    """Returns 1 when a client could not do the job; one that cannot be installed here is only named."""
    server = environments.server()
    chosen = [entrant for entrant in ROSTER if not named or entrant.client in named]
    rows = [_row(entrant, server) for entrant in chosen]
    if not named:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return int(any(row["result"].startswith("failed") for row in rows))


def _row(entrant: Entrant, server: Path) -> dict[str, str]:
    begun = time.monotonic()
    result = _result(entrant, server)
    seconds = time.monotonic() - begun
    print(f"{entrant.client} {entrant.version}, {entrant.way}: {result} ({seconds:.0f} s)", flush=True)
    return {
        "client": entrant.client,
        "version": entrant.version,
        "way": entrant.way,
        "result": result.splitlines()[0],
    }


def _result(entrant: Entrant, server: Path) -> str:
    try:
        command = environments.prepared(entrant)
        with started(entrant, command, server) as client:
            return job.do(client, entrant)
    except environments.CannotInstall as error:
        return f"not run: cannot be installed here ({error})"
    except (job.Surprise, ClientEnded) as error:
        return f"failed, {type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
