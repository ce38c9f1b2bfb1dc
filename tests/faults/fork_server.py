"""A process that forks children, each of which runs one job with a fault injected into its system calls.

Importing what a studio needs takes half a second, and a sweep needs hundreds of fresh processes. The imports are
therefore done once, here, and each child is a fork that opens its own ledger, sockets and event loop. strace is
attached to a child before it starts its job, so that it sees every call for the ledger and the network.

Reads one JSON object per line from stdin (see `child_process.Job`) and writes one per line to stdout: how each child
ended and what it printed.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import select
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import anyio
from pydantic import SecretStr

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_studio.errors import NotYetSent, Rejected
from apiframe_studio.ledger import Scope
from apiframe_studio.ledger.errors import LedgerError
from apiframe_studio.ledger.store import Store
from apiframe_studio.studio import Studio, StudioConfig
from apiframe_studio.trainings import TrainingRequest

KEY = "v1-test-key-0123456789"
CHILD_SECONDS = 60.0
NOT_TRACED = 97
_PR_SET_PTRACER = 0x59616D61

LOADED_FOR_A_STUDIO = (
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "apiframe_studio.api.v1.client",
    "apiframe_studio.api.v2.client",
    "photo_jobs",
    "h11",
    "httpcore",
    "sqlalchemy.dialects.sqlite.pysqlite",
)
LOADED_FOR_THE_SERVER = (
    "apiframe_server.composition",
    "apiframe_server.settings",
    "apiframe_server.stdio",
    "apiframe_tools",
    "mcp.server.stdio",
)


async def _start(job: dict[str, Any]) -> dict[str, Any]:
    plan = StudioConfig(Path(job["ledger"]), job["base_url"], SecretStr(KEY), paid_seconds=20.0)
    studio = Studio(plan)
    try:
        training = await studio.trainings.start(TrainingRequest(job["photos"], "TOKSIS"))
    except (LedgerError, ApiframeError, NotYetSent, Rejected) as error:
        return {"error": type(error).__name__, "is_ledger": isinstance(error, LedgerError)}
    finally:
        with contextlib.suppress(LedgerError):
            await studio.aclose()
    return {
        "state": training.state,
        "task_id": training.task_id,
        "ref": training.ref,
        "notes": list(training.notes),
        "deduplicated": training.deduplicated,
    }


async def _open_ledger(job: dict[str, Any]) -> dict[str, Any]:
    Store(Path(job["ledger"]), Scope("local", ""), terms=V1_TERMS).close()
    return {}


def _core(job: dict[str, Any], stdin: int, stdout: int) -> int:
    del stdin
    verb = {"train": _start, "open_ledger": _open_ledger}.get(job["verb"])
    if verb is None:
        # Imported by name because this file runs as a script, outside any package.
        verb = getattr(importlib.import_module("photo_jobs"), job["verb"])
    answer = json.dumps(anyio.run(verb, job)) + "\n"
    # Not write(2): faults of the spool are injected into it.
    os.writev(stdout, [answer.encode()])
    return 0


def _server(job: dict[str, Any], stdin: int, stdout: int) -> int:
    """Run the whole program like `python -m apiframe_server`."""
    from apiframe_server.cli import main

    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    os.environ["APIFRAME_API_KEY"] = KEY
    os.environ["APIFRAME_BASE_URL"] = job["base_url"]
    os.environ["APIFRAME_DATA_DIR"] = str(Path(job["ledger"]).parent)
    os.environ["APIFRAME_PAID_SECONDS"] = "20"
    return main([])


def _wait_for_strace() -> None:
    # Opened once, so that waiting adds no call of the kinds that are swept.
    status = os.open("/proc/self/status", os.O_RDONLY)
    until = time.monotonic() + 30
    while b"TracerPid:\t0\n" in os.read(status, 4096):
        if time.monotonic() > until:
            os._exit(NOT_TRACED)
        os.lseek(status, 0, os.SEEK_SET)
        time.sleep(0.002)  # Its call is not swept, and strace needs the processor.


def _fork(job: dict[str, Any], stdin: int, stdout: int, ours: tuple[int, ...]) -> int:
    """Fork one child and return its process id. `ours` are the pipe ends that the child must close."""
    if child := os.fork():
        return child
    for end in ours:
        os.close(end)
    status = 98
    try:
        if job["strace"]:
            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, -1, 0, 0, 0)
            _wait_for_strace()
        status = (_server if job["whole_server"] else _core)(job, stdin, stdout)
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def _run(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Fork the children of one job at the same time and wait for their ends."""
    children: list[tuple[int, int, int, subprocess.Popen[bytes] | None]] = []
    for _ in range(job["children"]):
        stdin, to_child = os.pipe()
        from_child, stdout = os.pipe()
        ours = (to_child, from_child, *(end for child in children for end in child[1:3]))
        child = _fork(job, stdin, stdout, ours)
        os.close(stdin)
        os.close(stdout)
        strace = subprocess.Popen(["strace", *job["strace"], "-p", str(child)]) if job["strace"] else None
        children.append((child, to_child, from_child, strace))
    return [_finish(job, *child) for child in children]


def _finish(
    job: dict[str, Any], child: int, to_child: int, from_child: int, strace: subprocess.Popen[bytes] | None
) -> dict[str, Any]:
    with contextlib.suppress(BrokenPipeError):
        os.write(to_child, "".join(f"{json.dumps(line)}\n" for line in job["lines"]).encode())
    output = _read_lines(from_child, job["answers"])
    os.close(to_child)
    output += _read_lines(from_child, None)
    os.close(from_child)
    _, status = os.waitpid(child, 0)
    if strace is not None:
        strace.wait(CHILD_SECONDS)
    lines = [json.loads(line) for line in output.decode().splitlines() if line.endswith("}")]
    return {"ended": os.waitstatus_to_exitcode(status), "output": lines}


def _read_lines(from_child: int, count: int | None) -> bytes:
    """Read `count` lines of a child's output, or all of it for None."""
    output, until = b"", time.monotonic() + CHILD_SECONDS
    while count is None or output.count(b"\n") < count:
        if not select.select([from_child], [], [], max(until - time.monotonic(), 0))[0]:
            raise TimeoutError(f"a child neither wrote its lines nor ended; its output: {output!r}")
        chunk = os.read(from_child, 65536)
        if not chunk:
            break
        output += chunk
    return output


def main() -> None:
    """Run jobs until stdin ends."""
    for name in (*LOADED_FOR_A_STUDIO, *(LOADED_FOR_THE_SERVER if "--whole-server" in sys.argv else ())):
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
