"""`apiframe-photo-mcp doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

import anyio
from rich.console import Console
from rich.markup import escape

from apiframe_server import __version__
from apiframe_server.composition import studio_of
from apiframe_server.settings import Settings, name_unknown_variables
from apiframe_studio.api.keys import check_key
from apiframe_studio.ledger import Kind
from apiframe_studio.studio import Studio
from apiframe_studio.submission import State
from apiframe_tools.troubles import explain


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    fine: bool
    told: str


def doctor(settings: Settings) -> int:
    """Check everything and print what to do; returns 0 when all is well, else 1."""
    console = Console(highlight=False, soft_wrap=True)
    findings = anyio.run(_examine, settings)
    for finding in findings:
        mark = "[green]ok  [/green]" if finding.fine else "[bold red]TODO[/bold red]"
        console.print(f"{mark} [bold]{finding.what}[/bold]: {escape(finding.told)}")
    return 0 if all(finding.fine for finding in findings) else 1


async def _examine(settings: Settings) -> list[Finding]:
    studio = studio_of(settings, sandbox="" if settings.sandbox else None)
    key = studio.plan.key.get_secret_value() if studio.plan.key else ""
    findings = [_versions(), *_unknown_variables(), _service(studio)]
    findings.append(await _found("key", lambda: _key_form(studio)))
    if not check_key(key):
        findings.append(await _found("account", lambda: _account(studio)))
    findings.append(await _found("ledger", lambda: _ledger(studio)))
    findings.extend(_set_aside(studio))
    await studio.aclose()
    return findings


def _versions() -> Finding:
    names = ("mcp", "httpx", "pydantic", "sqlalchemy")
    parts = ", ".join(f"{name} {_version(name)}" for name in names)
    return Finding(
        "versions", True, f"apiframe-photo-mcp {__version__}, Python {platform.python_version()}, {parts}"
    )


def _unknown_variables() -> list[Finding]:
    return [Finding("settings", False, sentence) for sentence in name_unknown_variables()]


def _service(studio: Studio) -> Finding:
    url = studio.plan.base_url
    in_clear = urlsplit(url).scheme == "http" and not studio.service_is_local
    told = (
        ": over plain http anybody on the way can read the key; use an https:// address" if in_clear else ""
    )
    return Finding("service", not in_clear, f"{url} (v1){told}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


async def _found(what: str, look: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await look()
    except Exception as error:
        told = explain(error)
        if told is None:
            raise
        return Finding(what, False, told)


async def _key_form(studio: Studio) -> Finding:
    await studio.service()
    return Finding("key", True, "has the form of a v1 key")


async def _account(studio: Studio) -> Finding:
    account = await studio.account()
    left = "unknown" if account.credits is None else f"{account.credits:.15g}"
    return Finding("account", True, f"reached; {left} credits left, plan {account.plan or 'unknown'}")


async def _ledger(studio: Studio) -> Finding:
    rows = await studio.ledger.list(Kind.TRAINING, studio.clock.now())
    unconfirmed = [row.ref for row in rows if row.state is State.UNCONFIRMED]
    if unconfirmed:
        told = f"unconfirmed: {', '.join(unconfirmed)}. Look in your Apiframe dashboard, then tell your assistant"
        return Finding("ledger", False, f"{studio.ledger.path} holds {len(rows)} trainings; {told}")
    return Finding("ledger", True, f"{studio.ledger.path} holds {len(rows)} trainings")


def _set_aside(studio: Studio) -> list[Finding]:
    path = studio.ledger.path
    damaged = sorted(path.parent.glob(f"{path.name}.damaged-*"))
    return [
        Finding(
            "damaged ledger",
            False,
            f"{found} was set aside; check your Apiframe dashboard, then move it away",
        )
        for found in damaged
        if not found.name.endswith(("-journal", "-wal", "-shm"))
    ]
