"""`apiframe-photo-mcp doctor`: what works, what does not, and what you can do about it."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

import anyio
from rich.markup import escape

from apiframe_server import __version__
from apiframe_server.composition import build_studio
from apiframe_server.settings import PREFIX, Settings, name_unknown_variables
from apiframe_server.terminal import KIND_WORDS, output
from apiframe_server.terminal_errors import explain_to_user
from apiframe_studio.api.keys import check_key
from apiframe_studio.ledger import Kind
from apiframe_studio.photos import faces
from apiframe_studio.studio import Studio
from apiframe_studio.submission import State
from apiframe_tools.wording.phrases import STATUS, pluralize

MAX_NAMED = 5


class Mark(Enum):
    """What was found: all well, something for you to do, or only something to know."""

    OK = "[green]ok  [/green]"
    TODO = "[bold red]TODO[/bold red]"
    NOTE = "[dim]-   [/dim]"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, or why it was not."""

    what: str
    mark: Mark
    told: str


_SAY_WHICH_SERVICE = frozenset({"base_url", "allow_http", "sandbox"})


def doctor(settings: Settings, sandbox: str | None, wrong: Mapping[str, str]) -> int:
    """Check everything and print what to do; returns 1 when there is something to do.

    `wrong` has a sentence for each setting whose value cannot be used, for which `settings` has the default.
    """
    console = output()
    findings = anyio.run(_examine, settings, sandbox, wrong)
    for finding in findings:
        console.print(f"{finding.mark.value} [bold]{finding.what}[/bold]: {escape(finding.told)}")
    return 1 if any(finding.mark is Mark.TODO for finding in findings) else 0


async def _examine(settings: Settings, sandbox: str | None, wrong: Mapping[str, str]) -> list[Finding]:
    studio = build_studio(settings, sandbox=sandbox)
    try:
        return [
            _versions(),
            *(Finding("settings", Mark.TODO, sentence) for sentence in wrong.values()),
            *_unknown_variables(),
            *await _service_that_is_meant(studio, sandbox, wrong),
            *_clock(studio),
            *_photo_folders(settings),
            _face_checks(),
            _output_folder(studio.portfolio.folder),
            *await _ledgers(studio),
            *_set_aside(studio),
        ]
    finally:
        await studio.aclose()


def _versions() -> Finding:
    names = ("mcp", "httpx", "pydantic", "sqlalchemy")
    parts = ", ".join(f"{name} {_version(name)}" for name in names)
    told = f"apiframe-photo-mcp {__version__}, Python {platform.python_version()}, {parts}"
    return Finding("versions", Mark.OK, told)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _unknown_variables() -> list[Finding]:
    return [Finding("settings", Mark.TODO, sentence) for sentence in name_unknown_variables()]


async def _found(what: str, look: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await look()
    except Exception as error:
        problem = explain_to_user(error)
        if problem is None:
            raise
        return Finding(what, Mark.TODO, problem.text)


async def _service_that_is_meant(
    studio: Studio, sandbox: str | None, wrong: Mapping[str, str]
) -> list[Finding]:
    if sandbox is None and _SAY_WHICH_SERVICE & wrong.keys():
        # The key would go to a service that was not meant.
        return [Finding("service", Mark.NOTE, "not asked, since a setting above does not say which it is")]
    return await _service(studio)


async def _service(studio: Studio) -> list[Finding]:
    url = studio.plan.base_url
    if studio.plan.stand_in is not None:
        return [
            Finding("service", Mark.NOTE, "the built-in sandbox; the real service was not asked"),
            await _found("account", partial(_account, studio)),
        ]
    in_clear = urlsplit(url).scheme == "http" and not studio.service_is_local
    warned = [
        Finding(
            "service",
            Mark.TODO,
            f"{url}: over plain http anyone on the network path can read the key; use https",
        )
    ]
    findings = warned if in_clear else []
    key = studio.plan.key.get_secret_value() if studio.plan.key else ""
    if check_key(key):
        wrong = await _found("key", partial(_key_form, studio))
        return [
            *findings,
            wrong,
            Finding("service", Mark.NOTE, f"{url} was not asked, since there is no usable key"),
        ]
    account = await _found("account", partial(_account, studio))
    reached = (
        [Finding("service", Mark.OK, f"{url} answered")] if account.mark is Mark.OK and not in_clear else []
    )
    return [*findings, *reached, account]


async def _key_form(studio: Studio) -> Finding:
    await studio.service()
    return Finding("key", Mark.OK, "has the form of a v1 key")


async def _account(studio: Studio) -> Finding:
    account = await studio.account()
    left = "unknown" if account.credits is None else f"{account.credits:.15g}"
    return Finding("account", Mark.OK, f"{left} credits left, plan {account.plan or 'unknown'}")


def _clock(studio: Studio) -> list[Finding]:
    """By the time that the account's answer told; nothing where none came."""
    at_the_service = studio.service_time.now()
    if at_the_service is None:
        return []
    if studio.service_time.clock_ahead() is None:
        return [Finding("clock", Mark.OK, "agrees with the service's")]
    shown = f"this machine's shows {_moment(studio.clock.now())}, the service's {_moment(at_the_service)}"
    return [
        Finding(
            "clock",
            Mark.TODO,
            f"{shown}. Correct this machine's if it is the wrong one; times that are shown may be wrong until then.",
        )
    ]


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}"


def _face_checks() -> Finding:
    if faces.available():
        return Finding("faces", Mark.OK, "photos are checked for faces")
    return Finding(
        "faces",
        Mark.NOTE,
        "photos are not checked for faces. In a clone run `make faces`; elsewhere install apiframe-photo-mcp[faces] "
        "from where you installed this.",
    )


def _photo_folders(settings: Settings) -> list[Finding]:
    chosen = "photo_folders" in settings.model_fields_set
    return [_photo_folder(folder, chosen=chosen) for folder in settings.photo_folders]


def _photo_folder(folder: Path, *, chosen: bool) -> Finding:
    if not folder.exists():
        fix = f"Put photos there, or set {PREFIX}PHOTO_FOLDERS to another folder."
        # The folder that the system would have is no mistake of yours.
        return Finding("photos", Mark.TODO if chosen else Mark.NOTE, f"{folder} does not exist yet. {fix}")
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        fix = f"Give access, or set {PREFIX}PHOTO_FOLDERS to another folder."
        return Finding("photos", Mark.TODO, f"{folder} cannot be read ({error.strerror}). {fix}")
    return Finding("photos", Mark.OK, f"{folder} can be read")


def _output_folder(folder: Path) -> Finding:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        fix = f"Give access, or set {PREFIX}OUTPUT_FOLDER to another folder."
        return Finding("images", Mark.TODO, f"{folder} cannot be written ({error.strerror}). {fix}")
    return Finding("images", Mark.OK, f"{folder} {'can be written' if there == folder else 'can be made'}")


async def _ledgers(studio: Studio) -> list[Finding]:
    ledger = await _found("ledger", partial(_ledger, studio))
    return (
        [ledger, await _found("requests", partial(_unsettled, studio))]
        if ledger.mark is Mark.OK
        else [ledger]
    )


async def _ledger(studio: Studio) -> Finding:
    held = await studio.ledger.page(Kind.TRAINING, studio.clock.now(), limit=1)
    return Finding("ledger", Mark.OK, f"{studio.ledger.path} holds {pluralize(held.total, 'training')}")


async def _unsettled(studio: Studio) -> Finding:
    found = await studio.ledger.unsettled(studio.clock.now())
    rows, total = found.rows, found.total
    if not rows:
        return Finding("requests", Mark.OK, "nothing is unconfirmed or still to be sent")
    named = [f"{row.ref} ({KIND_WORDS[row.kind]}, {STATUS[row.state]})" for row in rows[:MAX_NAMED]]
    more = f" and {total - MAX_NAMED} more" if total > MAX_NAMED else ""
    told = f"{total} not settled: {', '.join(named)}{more}"
    if any(row.state is State.UNCONFIRMED for row in rows):
        fix = "Money may have been spent: look into your Apiframe dashboard, then tell your assistant what you see."
        return Finding("requests", Mark.TODO, f"{told}. {fix}")
    return Finding("requests", Mark.NOTE, f"{told}. Your assistant can go on with it or drop it.")


def _set_aside(studio: Studio) -> list[Finding]:
    path = studio.ledger.path
    damaged = sorted(path.parent.glob(f"{path.name}.damaged-*"))
    return [
        Finding(
            "damaged ledger",
            Mark.TODO,
            f"{found} was set aside; check your Apiframe dashboard, then move it away",
        )
        for found in damaged
        if not found.name.endswith(("-journal", "-wal", "-shm"))
    ]
