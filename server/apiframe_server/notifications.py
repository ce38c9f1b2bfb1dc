"""System notifications: through desktop-notifier, on macOS through osascript.

An import of desktop-notifier takes time and memory, so it waits for the first notification.
"""

from __future__ import annotations

import logging
import os
import sys
from enum import Enum, auto
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from apiframe_server.settings import PREFIX
from apiframe_studio.follower import Notifier
from apiframe_studio.training import Training
from apiframe_tools.wording.notifications import describe_end

if TYPE_CHECKING:
    import desktop_notifier

APP_NAME: Final = "Apiframe Photos"
BUS_VARIABLE: Final = "DBUS_SESSION_BUS_ADDRESS"
OSASCRIPT: Final = "/usr/bin/osascript"
# The title and the text are arguments of the script, so that nothing in them is run.
SCRIPT: Final = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)
INSTALL: Final = (
    "In a clone run `make notify`; otherwise install apiframe-photo-mcp[notify] from the same source as this "
    "program."
)

log = logging.getLogger(__name__)


class Way(Enum):
    """How notifications are shown on this machine."""

    DESKTOP_NOTIFIER = auto()
    OSASCRIPT = auto()
    NOT_INSTALLED = auto()


def choose_way(platform: str = sys.platform, executable: str = sys.executable) -> Way:
    """Return how notifications are shown. Loads nothing.

    In desktop-notifier, macOS shows notifications of signed apps only, which a server of pip or uv is not.
    """
    if platform == "darwin" and ".app/Contents/MacOS/" not in os.path.realpath(executable):
        return Way.OSASCRIPT
    return Way.NOT_INSTALLED if find_spec("desktop_notifier") is None else Way.DESKTOP_NOTIFIER


def open_notifier(*, sandbox: bool) -> Notifier | None:
    """Return what notifies the user; None, with a line in the log, where it is not installed."""
    match choose_way():
        case Way.OSASCRIPT:
            return ScriptNotifier(sandbox=sandbox)
        case Way.DESKTOP_NOTIFIER:
            return DesktopNotifier(sandbox=sandbox)
        case Way.NOT_INSTALLED:
            log.warning("%sNOTIFY is on, but notifications are not installed. %s", PREFIX, INSTALL)
            return None


def find_session_bus() -> bool:
    """Whether there is a session bus, which shows notifications on Linux.

    Many clients do not pass on its address; then that of systemd is set, if there is such a bus.
    """
    folder = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    bus = Path(folder, "bus")
    if not os.environ.get(BUS_VARIABLE) and bus.is_socket():
        os.environ[BUS_VARIABLE] = f"unix:path={bus}"
    return bool(os.environ.get(BUS_VARIABLE))


class DesktopNotifier:
    """Shows notifications through desktop-notifier."""

    def __init__(self, *, sandbox: bool) -> None:
        self._sandbox = sandbox
        self._notifier: desktop_notifier.DesktopNotifier | None = None

    async def notify(self, ended: Training) -> None:
        """Show it. What fails on the way to the user is logged by desktop-notifier."""
        shown = describe_end(ended, sandbox=self._sandbox)
        if self._notifier is None:
            self._notifier = _open_desktop_notifier()
        await self._notifier.send(shown.title, shown.text)


def _open_desktop_notifier() -> desktop_notifier.DesktopNotifier:
    if sys.platform == "linux":
        find_session_bus()
    import desktop_notifier

    return desktop_notifier.DesktopNotifier(APP_NAME, app_icon=None)


class ScriptNotifier:
    """Shows notifications on macOS through osascript."""

    def __init__(self, *, sandbox: bool, program: str = OSASCRIPT) -> None:
        self._sandbox = sandbox
        self._program = program

    async def notify(self, ended: Training) -> None:
        """Show it.

        Raises:
            OSError: the program could not be run, or failed.
        """
        shown = describe_end(ended, sandbox=self._sandbox)
        script = [part for line in SCRIPT for part in ("-e", line)]
        # The key is in the environment.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        done = await anyio.run_process([self._program, *script, *shown], check=False, env=environment)
        if done.returncode:
            # Without the command, which has the name of the subject.
            raise OSError(f"{self._program} ended with {done.returncode}")
