"""How the program ends after a signal: paid requests get time to finish, then the ledger is closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

import anyio

from apiframe_studio.studio import Studio

FINISH_SECONDS: Final = 9.0
CLOSE_SECONDS: Final = 0.4
log = logging.getLogger(__name__)


def handle_signals(stop: Callable[[], None], stop_now: Callable[[], None] | None = None) -> None:
    """Call `stop` in the event loop at the first SIGINT or SIGTERM, and `stop_now` at once at the next ones."""
    # signal.signal works on every system, loop.add_signal_handler on POSIX only.
    loop = asyncio.get_running_loop()
    are_signalled = False

    def handle(_number: int, _frame: object) -> None:
        nonlocal are_signalled
        if are_signalled and stop_now is not None:
            stop_now()
        are_signalled = True
        loop.call_soon_threadsafe(stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


async def close_and_exit(studio: Studio) -> None:
    """Close the studio and exit. The threads that may still be blocked prevent a clean exit of the interpreter."""
    try:
        with anyio.move_on_after(CLOSE_SECONDS):
            await studio.aclose()
    except Exception:
        log.exception("The studio could not be closed")
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)
