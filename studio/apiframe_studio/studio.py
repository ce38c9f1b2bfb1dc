"""The studio: one service, one ledger, and everything that works on them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

import anyio

from apiframe_studio.api.provider import Terms
from apiframe_studio.api.select import Generation, select_terms
from apiframe_studio.api.urls import is_loopback_url
from apiframe_studio.clock import Clock, SystemClock
from apiframe_studio.config import StudioConfig as StudioConfig
from apiframe_studio.config import embedded_config, sandbox_config, service_config
from apiframe_studio.core import Core
from apiframe_studio.deletions import DeletionReport, Deletions
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.follower import Follower, Notifier
from apiframe_studio.forgetting import ErasureReport, Known, find_subject, forget_subject
from apiframe_studio.image_history import ImageHistory
from apiframe_studio.images import Images
from apiframe_studio.offers import Offers
from apiframe_studio.photo_sets import PhotoSets
from apiframe_studio.trainings import Trainings

FINISH_SECONDS: Final = 9.0
"""How long closing a studio waits for paid requests in flight."""

log = logging.getLogger(__name__)


class Studio(Core):
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
        api: Generation = "v1",
    ) -> Studio:
        """A studio with an embedded sandbox instead of the service: no key, no money, no network.

        Ledger, tasks and images are kept in `folder`; without one in a temporary folder, which goes when the studio
        is closed. Photos are read in `photo_folders`, without them in `photos` in the same folder.
        `api` is the generation that the sandbox plays.
        """
        temporary = (
            None if folder else TemporaryDirectory(prefix="apiframe-studio-", ignore_cleanup_errors=True)
        )
        home = Path(temporary.name) if temporary else Path(folder or "")
        config = embedded_config(home, photo_folders or (home / "photos",), training_seconds, api)
        studio = cls(config)
        if temporary is not None:
            studio._leaving.callback(temporary.cleanup)
        return studio

    def __init__(
        self,
        config: StudioConfig,
        clock: Clock | None = None,
        terms: Terms | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        """With a `notifier`, trainings are followed while jobs can run, and the user is notified of their end."""
        super().__init__(
            config, clock or SystemClock(), terms or select_terms(config.key, config.api_version)
        )
        self.photo_sets = PhotoSets(self)
        self.trainings = Trainings(self, self.photo_sets)
        self.images = Images(self, self.trainings)
        self.image_history = ImageHistory(self)
        self.deletions = Deletions(self)
        self.offers = Offers(self.clock)
        self.follower = Follower(self, notifier)
        self.ledger.on_under_way = self.follower.begin
        self._leaving = ExitStack()

    async def find_subject(self, subject: str) -> Known:
        """What `forget` would remove. Changes nothing, and creates no ledger. Raises LedgerError."""
        return await find_subject(subject, self.ledger, self.image_store)

    async def forget(self, subject: str) -> tuple[ErasureReport, DeletionReport]:
        """Remove everything about a subject from this machine, and its models from a service that can delete them.

        If the process dies in between, the same call removes the rest. Raises LedgerError.
        """
        self.offers.clear()
        report = await forget_subject(subject, self.ledger, self.image_store, self.clock.now())
        if self.config.forget_tasks is not None:
            await in_file_thread(self.config.forget_tasks, report.still_at_the_service)
        return report, await self.deletions.run()

    @property
    def is_sandbox(self) -> bool:
        """Whether the sandbox replaces the service, so that nothing costs money."""
        return self.config.is_sandbox

    @property
    def service_is_local(self) -> bool:
        """Whether the service runs on this machine, so that a webhook to this machine makes sense."""
        return self.is_sandbox or is_loopback_url(self.config.base_url)

    def end_waits(self) -> None:
        """End every wait for the service now, as if its time were over, so that its call still returns a result."""
        self.tracker.end_waits()

    async def finish(self, within_seconds: float) -> None:
        """Wait for paid requests in flight; those that take longer are recorded as unconfirmed."""
        await self.submitter.finish(within_seconds)

    async def aclose(self) -> None:
        """Close connections and ledger."""
        if self._api is not None:
            await self._api.aclose()
        await self.ledger.aclose()
        await in_file_thread(self._leaving.close)

    async def __aenter__(self) -> Self:
        await self.jobs.__aenter__()
        self.follower.begin()
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
