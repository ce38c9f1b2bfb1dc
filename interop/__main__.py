"""`python -m interop [client …]`: run the main job through every client with each generation of the API.

The results are saved for docs/clients.md.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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
    with tempfile.TemporaryDirectory(prefix="apiframe-interop-", ignore_cleanup_errors=True) as photos:
        job.draw_photos(Path(photos))
        rows = [_row(spec, server, Path(photos)) for spec in chosen]
    if not names:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return int(any(row[api].startswith("failed") for row in rows for api in job.TRIGGER_WORDS))


def _row(spec: ClientSpec, server: Path, photos: Path) -> dict[str, str]:
    row = {"client": spec.client, "version": spec.version, "way": spec.way}
    try:
        command = environments.prepare_command(spec)
    except environments.CannotInstall as error:
        result = f"not run: cannot be installed here ({error})"
        print(f"{spec.client} {spec.version}: {result}", flush=True)
        return row | dict.fromkeys(job.TRIGGER_WORDS, result)
    run = partial(_run, spec, command, server, photos)
    # At the same time: half of a job is waiting.
    with ThreadPoolExecutor() as pool:
        return row | dict(zip(job.TRIGGER_WORDS, pool.map(run, job.TRIGGER_WORDS), strict=True))


def _run(spec: ClientSpec, command: list[str], server: Path, photos: Path, api: str) -> str:
    started = time.monotonic()
    try:
        with start_client(spec, command, server, api, photos) as client:
            result = job.run_job(client, spec, api, photos)
    except (job.UnexpectedResult, ClientEnded) as error:
        result = f"failed, {type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    print(f"{spec.client} {spec.version}, {spec.way}, {api}: {result} ({seconds:.0f} s)", flush=True)
    return result.splitlines()[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
