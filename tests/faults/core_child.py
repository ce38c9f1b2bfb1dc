"""A nursery: a process whose children each start one training, with a fault injected into their system calls.

Importing what a studio needs takes half a second, and a sweep needs hundreds of fresh processes. So the
imports are made once, here, and every child is a fork that opens its own ledger, sockets and event loop.
Before a child begins, strace is attached to it: nothing it does with ledger or network comes earlier.

One JSON object a line on stdin (see `kill_points.Errand`), one a line back: how each child ended and what
it said.
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

from apiframe_studio.api import ApiframeError
from apiframe_studio.ledger import LedgerError
from apiframe_studio.sending import NotYetSent, Rejected
from apiframe_studio.studio import Studio, StudioPlan
from apiframe_studio.trainings import TrainingWish

KEY = "v1-key-of-nobody-0123456789"
CHILD_SECONDS = 15.0
NOT_TRACED = 97
_PR_SET_PTRACER = 0x59616D61

LOADED_FOR_A_STUDIO = (
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "apiframe_studio.api.v1",
    "apiframe_studio.ledger.book",
    "photo_errands",
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


async def _start(errand: dict[str, Any]) -> dict[str, Any]:
    plan = StudioPlan(Path(errand["ledger"]), errand["base_url"], SecretStr(KEY), paid_seconds=5.0)
    studio = Studio(plan)
    try:
        training = await studio.trainings.start(TrainingWish(errand["photos"], "TOKSIS"))
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


def _core(errand: dict[str, Any], heard: int, said: int) -> int:
    del heard
    # By name, since this file is run as a script and has no package.
    verb = (
        _start
        if errand["verb"] == "train"
        else getattr(importlib.import_module("photo_errands"), errand["verb"])
    )
    answer = json.dumps(anyio.run(verb, errand)) + "\n"
    # Not write(2): that one is for faults of the spool.
    os.writev(said, [answer.encode()])
    return 0


def _server(errand: dict[str, Any], heard: int, said: int) -> int:
    """The whole program, as `python -m apiframe_server` runs it."""
    from apiframe_server.cli import main

    os.dup2(heard, 0)
    os.dup2(said, 1)
    os.environ["APIFRAME_API_KEY"] = KEY
    os.environ["APIFRAME_BASE_URL"] = errand["base_url"]
    os.environ["APIFRAME_DATA_DIR"] = str(Path(errand["ledger"]).parent)
    os.environ["APIFRAME_PAID_SECONDS"] = "5"
    return main([])


def _wait_for_strace() -> None:
    # Opened beforehand, or the waiting itself would count among the calls that are swept.
    status = os.open("/proc/self/status", os.O_RDONLY)
    until = time.monotonic() + 10
    while b"TracerPid:\t0\n" in os.read(status, 4096):
        if time.monotonic() > until:
            os._exit(NOT_TRACED)
        os.lseek(status, 0, os.SEEK_SET)


def _born(errand: dict[str, Any], heard: int, said: int, ours: tuple[int, ...]) -> int:
    """Fork one child; returns its process id. `ours` are ends of pipes that it must not hold open."""
    if child := os.fork():
        return child
    for end in ours:
        os.close(end)
    status = 98
    try:
        if errand["strace"]:
            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, -1, 0, 0, 0)
            _wait_for_strace()
        status = (_server if errand["whole_server"] else _core)(errand, heard, said)
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def _raise(errand: dict[str, Any]) -> list[dict[str, Any]]:
    """Fork the children of one errand, all at once, and see how they end."""
    children: list[tuple[int, int, int, subprocess.Popen[bytes] | None]] = []
    for _ in range(errand["children"]):
        heard, tell = os.pipe()
        hear, said = os.pipe()
        ours = (tell, hear, *(end for child in children for end in child[1:3]))
        child = _born(errand, heard, said, ours)
        os.close(heard)
        os.close(said)
        strace = (
            subprocess.Popen(["strace", *errand["strace"], "-p", str(child)]) if errand["strace"] else None
        )
        children.append((child, tell, hear, strace))
    return [_seen_off(errand, *child) for child in children]


def _seen_off(
    errand: dict[str, Any], child: int, tell: int, hear: int, strace: subprocess.Popen[bytes] | None
) -> dict[str, Any]:
    with contextlib.suppress(BrokenPipeError):
        os.write(tell, "".join(f"{json.dumps(line)}\n" for line in errand["lines"]).encode())
    said = _heard(hear, errand["answers"])
    os.close(tell)
    said += _heard(hear, None)
    os.close(hear)
    _, status = os.waitpid(child, 0)
    if strace is not None:
        strace.wait(CHILD_SECONDS)
    lines = [json.loads(line) for line in said.decode().splitlines() if line.endswith("}")]
    return {"ended": os.waitstatus_to_exitcode(status), "said": lines}


def _heard(hear: int, answers: int | None) -> bytes:
    """What a child says: until so many lines, or its end."""
    heard, until = b"", time.monotonic() + CHILD_SECONDS
    while answers is None or heard.count(b"\n") < answers:
        if not select.select([hear], [], [], max(until - time.monotonic(), 0))[0]:
            raise TimeoutError(f"a child neither answered nor ended; it said {heard!r}")
        chunk = os.read(hear, 65536)
        if not chunk:
            break
        heard += chunk
    return heard


def main() -> None:
    """Serve errands until the input ends."""
    for name in (*LOADED_FOR_A_STUDIO, *(LOADED_FOR_THE_SERVER if "--whole-server" in sys.argv else ())):
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(_raise(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
