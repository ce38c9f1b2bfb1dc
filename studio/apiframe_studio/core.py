"""What all verbs of a studio work with."""

from __future__ import annotations

from functools import partial

import anyio

from apiframe_studio.api.errors import InvalidBaseUrl
from apiframe_studio.api.provider import Account, Deadlines, Provider, Terms
from apiframe_studio.api.select import open_provider, require_valid_key
from apiframe_studio.api.urls import normalize_base_url
from apiframe_studio.clock import Clock
from apiframe_studio.config import StudioConfig
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.image_store import ImageStore
from apiframe_studio.inbox import Inbox
from apiframe_studio.jobs import Jobs
from apiframe_studio.kept_photos import KeptPhotos
from apiframe_studio.kept_sets import KeptSets
from apiframe_studio.ledger import Ledger
from apiframe_studio.preflight import Preflight
from apiframe_studio.service_time import ServiceTime
from apiframe_studio.submitter import Submitter
from apiframe_studio.tracker import Tracker


class Core:
    """The parts that trainings, photo sets and images share."""

    def __init__(self, config: StudioConfig, clock: Clock, terms: Terms) -> None:
        self.config = config
        self.clock = clock
        self.terms = terms
        self.service_time = ServiceTime(clock)
        self.jobs = Jobs()
        self.image_store = ImageStore(config.output_folder, config.picture_hosts, clock)
        service = _service_name(config, terms.generation)
        self.ledger = Ledger(config.ledger_path, service=service, owner=config.owner, terms=terms)
        self.kept_photos = KeptPhotos.beside(config.ledger_path)
        self.inbox = Inbox.beside(config.ledger_path)
        self.kept_sets = KeptSets(self.kept_photos, self.inbox, self.ledger, clock, terms)
        self.tracker = Tracker(
            self.provider,
            self.ledger,
            clock,
            poll_seconds=config.poll_seconds or terms.poll_seconds,
            can_find=terms.can_find,
            on_trained=self.kept_sets.release,
        )
        self.submitter = Submitter(
            self.ledger, self.tracker, clock, max_credits_per_day=config.max_credits_per_day
        )
        self.image_poll_seconds = config.poll_seconds or terms.image_poll_seconds
        self.preflight = Preflight(terms, clock, self.service_time)
        self._api: Provider | None = None
        self._building = anyio.Lock()

    async def provider(self) -> Provider:
        """The client of the service, opened at its first use.

        Raises:
            InvalidKey, InvalidBaseUrl: the settings cannot work; nothing was sent.
        """
        config = self.config
        require_valid_key(config.key, config.api_version, config.base_url)
        if self._api is None:
            async with self._building:
                if self._api is None:
                    # httpx takes a tenth of a second to load: not on the event loop, not before it is needed.
                    self._api = await in_file_thread(partial(_client, self.config, self.service_time))
        return self._api

    async def account(self) -> Account:
        """Credits and plan of the key's owner. Raises ApiframeError."""
        account = await (await self.provider()).account()
        self.ledger.team_id = account.team_id
        return account


def _service_name(config: StudioConfig, generation: str) -> str:
    """The service of the ledger's rows: the address in one form, so that a trailing slash does not make another one."""
    try:
        return f"{normalize_base_url(config.base_url)} {generation}"
    except InvalidBaseUrl:
        return f"{config.base_url} {generation}"


def _client(config: StudioConfig, time: ServiceTime) -> Provider:
    return open_provider(
        key=config.key,
        version=config.api_version,
        base_url=config.base_url,
        allow_http=config.allow_http,
        app=config.app_factory() if config.app_factory else None,
        deadlines=Deadlines(
            connect=config.connect_seconds, read=config.read_seconds, paid=config.paid_seconds
        ),
        on_date=time.record,
    )
