"""What the commands for a terminal share: how they run, complain and show progress."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final, Protocol

import anyio
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from apiframe_server.problems import ExitCode, report
from apiframe_server.terminal_errors import explain_to_user
from apiframe_studio.ledger import Kind

KIND_WORDS: Final = {Kind.TRAINING: "training", Kind.UPLOAD: "photo set", Kind.GENERATION: "image request"}


class Moved(Protocol):
    """Is told how far something is."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """`progress` of `total`, and what is done now."""


def run_command(
    work: Callable[[], Awaitable[int]],
    *,
    as_json: bool = False,
    switch: str = "",
    stopped: str = "Stopped.",
) -> int:
    """Run a command to its exit code; what can be explained is reported. `switch`: see `switch_of`."""
    end_at_once_when_interrupted(stopped)
    try:
        return anyio.run(work)
    except Exception as error:
        problem = explain_to_user(error, switch)
        if problem is None:
            raise
        return report(problem, as_json=as_json)


def end_at_once_when_interrupted(told: str, clean_up: Callable[[], object] = lambda: None) -> None:
    """Let Ctrl-C end the program at once. Nothing that a command does needs an orderly end: the ledger survives any."""
    # Past rich, which would draw its bar again below: clear the line, show the cursor.
    tidy = "\r\x1b[K\x1b[?25h" if sys.stderr.isatty() else ""

    def end(_number: int, _frame: object) -> None:
        os.write(2, f"{tidy}{told}\n".encode())
        clean_up()
        os._exit(ExitCode.STOPPED)

    signal.signal(signal.SIGINT, end)


def output() -> Console:
    """stdout. Where it is not a terminal, lines are as long as they need to be."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)


def notes() -> Console:
    """stderr, for bars and for what is not the answer."""
    return Console(highlight=False, stderr=True, soft_wrap=True)


@contextmanager
def progress_bar(console: Console, doing: str, *, stays: bool = False) -> Generator[Moved]:
    """A bar while something long runs, in a terminal only. One that stays is full when all went well."""
    columns = (TextColumn("  {task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    shown_at_all = stays or console.is_terminal
    with Progress(*columns, console=console, transient=not stays, disable=not shown_at_all) as bar:
        shown = bar.add_task(doing, total=100)

        async def move(progress: float, total: float | None, message: str | None) -> None:
            bar.update(shown, completed=progress, total=total, description=message or doing)

        yield move
        bar.update(shown, completed=100, total=100, description=doing)
