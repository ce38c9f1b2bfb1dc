"""The studio: one service, one ledger, and everything that works on them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

import anyio

from apiframe_studio.api.errors import InvalidBaseUrl
from apiframe_studio.api.provider import Account, Deadlines, Provider, Terms
from apiframe_studio.api.select import open_provider, require_valid_key, select_terms
from apiframe_studio.api.urls import is_loopback_url, normalize_base_url
from apiframe_studio.clock import Clock, SystemClock
from apiframe_studio.config import StudioConfig as StudioConfig
from apiframe_studio.config import embedded_config, sandbox_config, service_config
from apiframe_studio.core import Core
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.image_store import ImageStore
from apiframe_studio.images import Images
from apiframe_studio.jobs import Jobs
from apiframe_studio.ledger import Ledger
from apiframe_studio.photo_sets import PhotoSets
from apiframe_studio.service_time import ServiceTime
from apiframe_studio.submitter import Submitter
from apiframe_studio.tracker import Tracker
from apiframe_studio.trainings import Trainings

FINISH_SECONDS: Final = 9.0
"""How long closing a studio waits for paid requests in flight."""

log = logging.getLogger(__name__)


class Studio:
    """Trains and generates. Cheap to build: the client and the ledger are opened at their first use.

    In `async with` uploads and generations may outlive the call that started them. At its end running jobs are
    stopped where that is safe, paid requests in flight are awaited, and connections and ledger are closed.
    """

    @classmethod
    def from_environment(cls) -> Studio:
        """The studio that the variables `APIFRAME_…` describe, as the server's would be.

        Raises:
            SettingsError: a value cannot be used.
        """
        from apiframe_studio.settings import StudioSettings, unknown_variables

        settings = StudioSettings.read()
        for name, meant in unknown_variables(StudioSettings).items():
            if meant is not None:
                log.warning("%s is not a setting and has no effect; %s is", name, meant)
        return cls(sandbox_config(settings) if settings.sandbox else service_config(settings))

    @classmethod
    def sandbox(
        cls,
        folder: Path | None = None,
        *,
        photo_folders: Sequence[Path] | None = None,
        training_seconds: float = 1.0,
    ) -> Studio:
        """A studio with an embedded sandbox instead of the service: no key, no money, no network.

        Ledger, tasks and images are kept in `folder`; without one in a temporary folder, which goes when the studio
        is closed. Photos are read in `photo_folders`, without them in `photos` in the same folder.
        """
        temporary = (
            None if folder else TemporaryDirectory(prefix="apiframe-studio-", ignore_cleanup_errors=True)
        )
        home = Path(temporary.name) if temporary else Path(folder or "")
        config = embedded_config(home, photo_folders or (home / "photos",), training_seconds)
        studio = cls(config)
        if temporary is not None:
            studio._leaving.callback(temporary.cleanup)
        return studio

    def __init__(self, config: StudioConfig, clock: Clock | None = None, terms: Terms | None = None) -> None:
        self.clock = clock or SystemClock()
        self.config = config
        self.terms = terms or select_terms(config.key)
        self.ledger = Ledger(
            config.ledger_path,
            service=_service_name(config, self.terms.generation),
            owner=config.owner,
            terms=self.terms,
        )
        self.service_time = ServiceTime(self.clock)
        self.jobs = Jobs()
        self.image_store = ImageStore(config.output_folder, config.picture_hosts, self.clock)
        tracker = Tracker(self.provider, self.ledger, self.clock, poll_seconds=config.poll_seconds)
        self._submitter = Submitter(
            self.ledger, tracker, self.clock, max_credits_per_day=config.max_credits_per_day
        )
        core = Core(
            config=config,
            terms=self.terms,
            clock=self.clock,
            service_time=self.service_time,
            provider=self.provider,
            ledger=self.ledger,
            tracker=tracker,
            submitter=self._submitter,
            jobs=self.jobs,
            image_store=self.image_store,
        )
        self.photo_sets = PhotoSets(core)
        self.trainings = Trainings(core, self.photo_sets)
        self.images = Images(core, self.trainings)
        self._api: Provider | None = None
        self._leaving = ExitStack()
        self._building = anyio.Lock()

    @property
    def is_sandbox(self) -> bool:
        """Whether the sandbox replaces the service, so that nothing costs money."""
        return self.config.is_sandbox

    @property
    def asks_before_spending(self) -> bool:
        """Whether the user is asked before money is spent, if the client can ask."""
        return self.config.asks_before_spending

    @property
    def service_is_local(self) -> bool:
        """Whether the service runs on this machine, so that a webhook to this machine makes sense."""
        return self.is_sandbox or is_loopback_url(self.config.base_url)

    async def provider(self) -> Provider:
        """The client of the service, opened at its first use.

        Raises:
            InvalidKey, InvalidBaseUrl: the settings cannot work; nothing was sent.
        """
        require_valid_key(self.config.key)
        if self._api is None:
            async with self._building:
                if self._api is None:
                    # httpx takes a tenth of a second to load: not on the event loop, not before it is needed.
                    self._api = await in_file_thread(partial(_client, self.config, self.service_time))
        return self._api

    async def account(self) -> Account:
        """Credits and plan of the key's owner. Raises ApiframeError."""
        return await (await self.provider()).account()

    async def finish(self, within_seconds: float) -> None:
        """Wait for paid requests in flight; those that take longer are recorded as unconfirmed."""
        await self._submitter.finish(within_seconds)

    async def aclose(self) -> None:
        """Close connections and ledger."""
        if self._api is not None:
            await self._api.aclose()
        await self.ledger.aclose()
        await in_file_thread(self._leaving.close)

    async def __aenter__(self) -> Self:
        await self.jobs.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # Without the body's exception: the task group would wrap it into an ExceptionGroup.
            await self.jobs.__aexit__(None, None, None)
        finally:
            with anyio.CancelScope(shield=True):
                await self.finish(FINISH_SECONDS)
                await self.aclose()


def _service_name(config: StudioConfig, generation: str) -> str:
    """The service of the ledger's rows: the address in one form, so that a trailing slash does not make another one."""
    try:
        return f"{normalize_base_url(config.base_url)} {generation}"
    except InvalidBaseUrl:
        return f"{config.base_url} {generation}"


def _client(config: StudioConfig, time: ServiceTime) -> Provider:
    return open_provider(
        key=config.key,
        base_url=config.base_url,
        allow_http=config.allow_http,
        app=config.app_factory() if config.app_factory else None,
        deadlines=Deadlines(
            connect=config.connect_seconds, read=config.read_seconds, paid=config.paid_seconds
        ),
        on_date=time.record,
    )
