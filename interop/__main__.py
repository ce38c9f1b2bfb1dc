"""`python -m interop [client …]`: run the main job through every client and save the results for docs/clients.md."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Final

from interop import environments, job
from interop.client import ClientEnded, start_client
from interop.clients import CLIENTS, ClientSpec

RESULTS: Final = environments.ROOT / "docs/results/interop.json"


def main(names: list[str]) -> int:
    """Return 1 if a client failed the job; one that cannot be installed here is only reported."""
    server = environments.install_server()
    chosen = [spec for spec in CLIENTS if not names or spec.client in names]
    rows = [_row(spec, server) for spec in chosen]
    if not names:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return int(any(row["result"].startswith("failed") for row in rows))


def _row(spec: ClientSpec, server: Path) -> dict[str, str]:
    started = time.monotonic()
    result = _run(spec, server)
    seconds = time.monotonic() - started
    print(f"{spec.client} {spec.version}, {spec.way}: {result} ({seconds:.0f} s)", flush=True)
    return {
        "client": spec.client,
        "version": spec.version,
        "way": spec.way,
        "result": result.splitlines()[0],
    }


def _run(spec: ClientSpec, server: Path) -> str:
    try:
        command = environments.prepare_command(spec)
        with start_client(spec, command, server) as client:
            return job.run_job(client, spec)
    except environments.CannotInstall as error:
        return f"not run: cannot be installed here ({error})"
    except (job.UnexpectedResult, ClientEnded) as error:
        return f"failed, {type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
