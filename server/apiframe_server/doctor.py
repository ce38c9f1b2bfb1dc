"""`apiframe-photo-mcp doctor`: check what works and print what to fix."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import anyio
from rich.markup import escape

from apiframe_server import __version__
from apiframe_server.composition import build_studio
from apiframe_server.notifications import BUS_VARIABLE, INSTALL, Way, choose_way, find_session_bus
from apiframe_server.settings import PREFIX, Settings, describe_unknown_variables
from apiframe_server.terminal import format_time, open_stdout_console
from apiframe_server.terminal_errors import advise_on_unconfirmed, explain_to_user
from apiframe_studio.api.errors import InvalidKey
from apiframe_studio.ledger import Kind, Submission
from apiframe_studio.ledger.errors import LedgerError
from apiframe_studio.ledger.states import State
from apiframe_studio.photos import faces
from apiframe_studio.studio import Studio
from apiframe_tools.wording.phrases import KIND_NAMES, STATUS, pluralize
from apiframe_tools.wording.prices import describe_account
from apiframe_tools.wording.warnings import NOT_USABLE_HERE

MAX_NAMED: Final = 5
_SERVICE_SETTINGS: Final = frozenset({"base_url", "api_version", "allow_http", "sandbox"})


class Mark(Enum):
    """The result of a check: fine, something to fix, or information."""

    OK = "[green]ok  [/green]"
    TODO = "[bold red]TODO[/bold red]"
    NOTE = "[dim]-   [/dim]"


class Finding(NamedTuple):
    """What was checked, with which result, or why it was not checked."""

    name: str
    mark: Mark
    message: str


def doctor(settings: Settings, sandbox: str | None, invalid: Mapping[str, str]) -> int:
    """Check everything and print what to fix; returns 1 when there is something to fix.

    `invalid` has a sentence for each setting with an invalid value; `settings` has the default for it.
    """
    console = open_stdout_console()
    findings = anyio.run(_check_all, settings, sandbox, invalid)
    for finding in findings:
        console.print(f"{finding.mark.value} [bold]{finding.name}[/bold]: {escape(finding.message)}")
    return 1 if any(finding.mark is Mark.TODO for finding in findings) else 0


async def _check_all(settings: Settings, sandbox: str | None, invalid: Mapping[str, str]) -> list[Finding]:
    studio = build_studio(settings, sandbox=sandbox)
    try:
        return [
            _report_versions(),
            *(Finding("settings", Mark.TODO, sentence) for sentence in invalid.values()),
            *(Finding("settings", Mark.TODO, sentence) for sentence in describe_unknown_variables()),
            *await _check_service(studio, sandbox, invalid),
            *_check_clock(studio),
            *(_check_photo_folder(folder, settings) for folder in settings.photo_folders),
            _check_faces(),
            _check_notifications(settings),
            _check_output_folder(studio.image_store.folder),
            *await _check_ledger(studio),
            *_count_kept_sets(studio),
            *await _count_deletions(studio),
            *_find_damaged_ledgers(studio),
        ]
    finally:
        await studio.aclose()


def _report_versions() -> Finding:
    names = ("mcp", "httpx", "pydantic", "sqlalchemy")
    parts = ", ".join(f"{name} {_version(name)}" for name in names)
    message = f"apiframe-photo-mcp {__version__}, Python {platform.python_version()}, {parts}"
    return Finding("versions", Mark.OK, message)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


async def _try_check(name: str, check: Callable[[Studio], Awaitable[Finding]], studio: Studio) -> Finding:
    try:
        return await check(studio)
    except Exception as error:
        problem = explain_to_user(error, studio.terms)
        if problem is None:
            raise
        return Finding("key" if isinstance(error, InvalidKey) else name, Mark.TODO, problem.text)


async def _check_service(
    studio: Studio, sandbox: str | None, invalid: Mapping[str, str]
) -> Sequence[Finding]:
    if sandbox is None and _SERVICE_SETTINGS & invalid.keys():
        # The key could go to the wrong service.
        return [Finding("service", Mark.NOTE, "not checked: a setting above that selects it is invalid")]
    spoken = f"{studio.terms.generation} of the API"
    if sandbox == "":
        note = Finding(
            "service", Mark.NOTE, f"the built-in sandbox of {spoken}; the real service was not contacted"
        )
        return [note, await _try_check("account", _check_account, studio)]
    url = studio.config.base_url
    in_clear = urlsplit(url).scheme == "http" and not studio.service_is_local
    warning = f"{url}: over plain http anyone on the network path can read the key; use https"
    findings = [Finding("service", Mark.TODO, warning)] if in_clear else []
    account = await _try_check("account", _check_account, studio)
    if account.name == "key":
        skipped = Finding("service", Mark.NOTE, f"{url} was not contacted: there is no usable key")
        return [*findings, account, skipped]
    if account.mark is Mark.OK and not in_clear:
        findings = [Finding("service", Mark.OK, f"{url} responded, {spoken}")]
    return [*findings, account]


async def _check_account(studio: Studio) -> Finding:
    account = await studio.account()
    team = f" Team {account.team_id}." if account.team_id else ""
    if account.lacks_team:
        team = f" Create a key within a team at {studio.terms.key_page}."
    mark = Mark.TODO if account.lacks_team else Mark.OK
    return Finding("account", mark, f"{describe_account(account, studio.terms)}{team}")


def _check_clock(studio: Studio) -> Sequence[Finding]:
    """Compare with the time in the service's response; no finding when there was none."""
    service_time = studio.service_time.now()
    if service_time is None:
        return []
    if studio.service_time.clock_ahead() is None:
        return [Finding("clock", Mark.OK, "agrees with the service")]
    here, there = format_time(studio.clock.now()), format_time(service_time)
    message = f"this machine has {here}, the service {there}. If this machine's clock is wrong, correct it."
    return [Finding("clock", Mark.TODO, f"{message} Until then, times shown here may be wrong.")]


def _check_faces() -> Finding:
    if faces.is_available():
        return Finding("faces", Mark.OK, "photos are checked for faces")
    return Finding(
        "faces",
        Mark.NOTE,
        "photos are not checked for faces. In a clone run `make faces`; otherwise install apiframe-photo-mcp[faces] "
        "from the same source as this program.",
    )


def _check_notifications(settings: Settings) -> Finding:
    name = "notifications"
    if not settings.notify:
        return Finding(name, Mark.NOTE, f"off; {PREFIX}NOTIFY=on shows one when a training ends")
    match choose_way():
        case Way.NOT_INSTALLED:
            return Finding(name, Mark.TODO, f"on, but not installed. {INSTALL}")
        case Way.OSASCRIPT:
            allow = "In System Settings, Notifications, allow them for Script Editor"
            return Finding(name, Mark.OK, f"shown by osascript when a training ends. {allow}")
        case Way.DESKTOP_NOTIFIER if sys.platform == "linux" and not find_session_bus():
            fix = f"Start the server within a desktop session, or pass {BUS_VARIABLE} on to it"
            return Finding(name, Mark.TODO, f"on, but there is no session bus to show them. {fix}")
        case Way.DESKTOP_NOTIFIER:
            shown_by = f"shown by desktop-notifier {_version('desktop-notifier')}"
            return Finding(name, Mark.OK, f"{shown_by} when a training ends")


def _check_photo_folder(folder: Path, settings: Settings) -> Finding:
    other = f"or set {PREFIX}PHOTO_FOLDERS to another folder."
    if not folder.exists():
        # The default folder may be missing without a mistake of the user.
        mark = Mark.TODO if "photo_folders" in settings.model_fields_set else Mark.NOTE
        return Finding("photos", mark, f"{folder} does not exist. Put photos there, {other}")
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        return Finding(
            "photos", Mark.TODO, f"{folder} cannot be read ({error.strerror}). Give access, {other}"
        )
    return Finding("photos", Mark.OK, f"{folder} is readable")


def _check_output_folder(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        fix = f"Give access, or set {PREFIX}OUTPUT_FOLDER to another folder."
        return Finding("images", Mark.TODO, f"{folder} cannot be written ({error.strerror}). {fix}")
    return Finding("images", Mark.OK, f"{folder} {'is writable' if existing == folder else 'can be created'}")


async def _check_ledger(studio: Studio) -> Sequence[Finding]:
    ledger = await _try_check("ledger", _count_trainings, studio)
    if ledger.mark is not Mark.OK:
        return [ledger]
    return [
        ledger,
        *await _find_other_services(studio),
        await _try_check("requests", _check_unsettled, studio),
    ]


async def _count_trainings(studio: Studio) -> Finding:
    page = await studio.ledger.page(Kind.TRAINING, studio.clock.now(), limit=1)
    return Finding("ledger", Mark.OK, f"{studio.ledger.path} has {pluralize(page.total, 'training')}")


async def _count_deletions(studio: Studio) -> Sequence[Finding]:
    """Trainings of forgotten subjects that the service still has."""
    left: Sequence[Submission] = ()
    if studio.ledger.path.exists():
        # A ledger that cannot be read has a finding already.
        with suppress(LedgerError):
            left = await studio.ledger.to_delete(studio.clock.now())
    if not left:
        return []
    names = ", ".join(row.task_id or row.ref for row in left)
    what = f"{pluralize(len(left), 'training')} of forgotten subjects to be deleted at Apiframe ({names})"
    return [
        Finding("deletions", Mark.NOTE, f"{what}; each start of the server with their key tries it again")
    ]


async def _find_other_services(studio: Studio) -> Sequence[Finding]:
    """What the present key can do with trainings that were made with another kind of key, or elsewhere."""
    now = studio.clock.now()
    everywhere = await studio.ledger.page(Kind.TRAINING, now, limit=1)
    here = await studio.ledger.page(Kind.TRAINING, now, here=True, limit=1)
    if not (others := everywhere.total - here.total):
        return []
    message = (
        f"{pluralize(others, 'training')} of another service than {studio.ledger.service}. {NOT_USABLE_HERE}"
    )
    return [Finding("other services", Mark.NOTE, message)]


async def _check_unsettled(studio: Studio) -> Finding:
    found = await studio.ledger.unsettled(studio.clock.now())
    rows, total = found.rows, found.total
    if not rows:
        return Finding("requests", Mark.OK, "none is unconfirmed or waiting to be sent")
    named = [f"{row.ref} ({KIND_NAMES[row.kind]}, {STATUS[row.state]})" for row in rows[:MAX_NAMED]]
    more = f" and {total - MAX_NAMED} more" if total > MAX_NAMED else ""
    message = f"{total} not settled: {', '.join(named)}{more}."
    if any(row.state is State.UNCONFIRMED for row in rows):
        advice = f"For the unconfirmed ones, {advise_on_unconfirmed(studio.terms)}"
        return Finding("requests", Mark.TODO, f"{message} {advice}")
    return Finding("requests", Mark.NOTE, f"{message} Your assistant can continue or drop them.")


def _count_kept_sets(studio: Studio) -> Sequence[Finding]:
    """No finding where no photos wait, as always where they are uploaded before the training."""
    count = studio.kept_photos.count()
    if not count:
        return []
    message = f"{pluralize(count, 'prepared set')} of photos in {studio.kept_photos.folder}, until trained or expired"
    return [Finding("kept photos", Mark.NOTE, message)]


def _find_damaged_ledgers(studio: Studio) -> Sequence[Finding]:
    fix = "was set aside; check your Apiframe dashboard, then move it away"
    return [
        Finding("damaged ledger", Mark.TODO, f"{damaged} {fix}")
        for damaged in studio.ledger.find_damaged()
        if not damaged.name.endswith(("-journal", "-wal", "-shm"))
    ]
