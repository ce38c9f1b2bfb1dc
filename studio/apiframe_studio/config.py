"""Build the configuration of a studio from settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import SecretStr

from apiframe_studio.api.select import Generation, Version, select_generation, select_terms
from apiframe_studio.ledger.errors import LedgerUnusable
from apiframe_studio.places import LEDGER_FILE, SANDBOX_FOLDER
from apiframe_studio.private_files import make_private_folder
from apiframe_studio.sandbox import SANDBOX_KEY, SANDBOX_URL, SANDBOX_V2_KEY, Sandbox

if TYPE_CHECKING:
    from apiframe_studio.settings import StudioSettings

SANDBOX_IMAGES: Final = "@sandbox"
"""Folder of the sandbox's images in the output folder. No subject's folder has an @ in its name."""

_KEYS: Final[Mapping[Generation, str]] = {"v1": SANDBOX_KEY, "v2": SANDBOX_V2_KEY}


@dataclass(frozen=True)
class StudioConfig:
    """The configuration of a studio. `app_factory` builds the ASGI app that replaces the service."""

    ledger_path: Path
    base_url: str
    key: SecretStr | None = None
    api_version: Version = "auto"
    """The generation that is spoken, or `auto`: that of the key."""
    app_factory: Callable[[], Any] | None = None
    forget_tasks: Callable[[Sequence[str]], None] | None = None
    """Removes tasks of forgotten subjects, by id, from a sandbox that keeps them on this machine."""
    is_sandbox: bool = False
    owner: str = "local"
    poll_seconds: float | None = None
    """None: what the terms say."""
    connect_seconds: float = 5.0
    read_seconds: float = 15.0
    paid_seconds: float = 20.0
    max_credits_per_day: float | None = None
    confirm_spending: Literal["ask", "always", "never"] = "ask"
    """`ask`: the user is asked before money is spent, if the client can ask. `always`: nothing is spent without a
    question or an amount that was agreed. `never`: no question."""
    photo_folders: tuple[Path, ...] = ()
    output_folder: Path = Path("Apiframe")
    picture_hosts: tuple[str, ...] = ()
    allow_http: bool = False
    """Whether the key may be sent over plain http to another machine."""


def service_config(settings: StudioSettings) -> StudioConfig:
    return StudioConfig(
        ledger_path=settings.data_dir / LEDGER_FILE,
        base_url=settings.base_url or select_terms(settings.api_key, settings.api_version).base_url,
        key=settings.api_key,
        api_version=settings.api_version,
        poll_seconds=settings.poll_seconds,
        connect_seconds=settings.connect_seconds,
        read_seconds=settings.read_seconds,
        paid_seconds=settings.paid_seconds,
        max_credits_per_day=settings.max_credits_per_day,
        confirm_spending=settings.confirm_spending,
        photo_folders=settings.photo_folders,
        output_folder=settings.output_folder,
        picture_hosts=settings.picture_hosts,
        allow_http=settings.allow_http,
    )


def sandbox_config(settings: StudioSettings, url: str = "") -> StudioConfig:
    """A studio on the sandbox, with a separate ledger: the embedded one for "", else the one at this address.

    It plays the generation that the settings select.
    """
    folder = settings.data_dir / SANDBOX_FOLDER
    return replace(
        service_config(settings),
        output_folder=settings.output_folder / SANDBOX_IMAGES,
        ledger_path=folder / LEDGER_FILE,
        base_url=url or SANDBOX_URL,
        key=SecretStr(_KEYS[selected_generation(settings)]),
        app_factory=None if url else lambda: build_sandbox(settings).app,
        forget_tasks=None if url else partial(_forget_in, lambda: build_sandbox(settings)),
        is_sandbox=True,
        poll_seconds=min(settings.poll_seconds or 1.0, 1.0),
    )


def embedded_config(
    folder: Path, photo_folders: Sequence[Path], training_seconds: float, api: Generation
) -> StudioConfig:
    """Configure a studio with an embedded sandbox and without settings; all its files are in `folder`."""
    return StudioConfig(
        ledger_path=folder / LEDGER_FILE,
        base_url=SANDBOX_URL,
        key=SecretStr(_KEYS[api]),
        app_factory=lambda: _sandbox_in(folder, training_seconds, api).app,
        forget_tasks=partial(_forget_in, lambda: _sandbox_in(folder, training_seconds, api)),
        is_sandbox=True,
        poll_seconds=0.2,
        photo_folders=tuple(photo_folders),
        output_folder=folder / "images",
    )


def selected_generation(settings: StudioSettings) -> Generation:
    return select_generation(settings.api_key, settings.api_version)


def build_sandbox(settings: StudioSettings, api: Generation | None = None) -> Sandbox:
    """Build the sandbox that replaces the service, of the generation that the settings select unless `api` names one.

    Its tasks survive a restart.

    Raises:
        LedgerUnusable: its folder cannot be made.
    """
    return _sandbox_in(
        settings.data_dir / SANDBOX_FOLDER, settings.sandbox_seconds, api or selected_generation(settings)
    )


def _forget_in(build: Callable[[], Sandbox], task_ids: Sequence[str]) -> None:
    sandbox = build()
    sandbox.forget(task_ids)
    sandbox.close()


def _sandbox_in(folder: Path, training_seconds: float, api: Generation) -> Sandbox:
    try:
        make_private_folder(folder)
    except OSError as error:
        raise LedgerUnusable(folder, error.strerror or "cannot be made") from error
    return Sandbox(training_seconds=training_seconds, store_path=folder / "tasks.sqlite3", api=api)
