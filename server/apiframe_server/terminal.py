"""What the terminal commands share: running, error reports, consoles and progress bars."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import anyio
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from apiframe_server.composition import build_studio
from apiframe_server.problems import ExitCode, Problem, report
from apiframe_server.settings import Settings
from apiframe_server.terminal_errors import explain_to_user, sandbox_option
from apiframe_studio.studio import Studio


class OnProgress(Protocol):
    """Receives progress updates."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """`progress` out of `total`, and what is being done."""


def run_command(
    settings: Settings,
    sandbox: str | None,
    work: Callable[[Studio], Awaitable[int]],
    *,
    as_json: bool = False,
    stopped: str = "Stopped.",
) -> int:
    """Run a command on the studio of these settings and return its exit code; known errors are reported."""
    exit_on_interrupt(stopped)
    studio = build_studio(settings, sandbox=sandbox)

    async def run() -> int:
        try:
            return await work(studio)
        finally:
            await studio.aclose()

    try:
        return anyio.run(run)
    except Exception as error:
        problem = explain_to_user(error, studio.terms, sandbox_option(sandbox))
        if problem is None:
            raise
        return report(problem, as_json=as_json)


def exit_on_interrupt(message: str, clean_up: Callable[[], object] = lambda: None) -> None:
    """Make Ctrl-C exit at once. Commands need no orderly shutdown: the ledger survives any."""
    # rich would redraw its bar on a normal exit: clear the line and show the cursor instead.
    reset = "\r\x1b[K\x1b[?25h" if sys.stderr.isatty() else ""

    def stop(_number: int, _frame: object) -> None:
        os.write(2, f"{reset}{message}\n".encode())
        clean_up()
        os._exit(ExitCode.STOPPED)

    signal.signal(signal.SIGINT, stop)


def report_missing_folder(file: str) -> Problem | None:
    if Path(file).absolute().parent.is_dir():
        return None
    return Problem(ExitCode.USAGE, f"the folder of {file} does not exist.", "Create it first.")


def open_stdout_console() -> Console:
    """A console on stdout. Lines are not wrapped unless it is a terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)


def open_stderr_console() -> Console:
    """A console on stderr, for progress bars and notes."""
    return Console(highlight=False, stderr=True, soft_wrap=True)


def format_time(seconds: float) -> str:
    """A POSIX time in the local time zone, to the minute."""
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}"


@contextmanager
def show_progress_bar(console: Console, label: str, *, keep: bool = False) -> Generator[OnProgress]:
    """Show a progress bar in a terminal. With `keep` it is shown everywhere and stays, full after a success."""
    columns = (TextColumn("  {task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    hidden = not (keep or console.is_terminal)
    with Progress(*columns, console=console, transient=not keep, disable=hidden) as bar:
        task = bar.add_task(label, total=100)

        async def update(progress: float, total: float | None, message: str | None) -> None:
            bar.update(task, completed=progress, total=total, description=message or label)

        yield update
        bar.update(task, completed=100, total=100, description=label)
