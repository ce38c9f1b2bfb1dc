"""The studio put together: one service, one ledger, the verbs on them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio

from apiframe_studio.api.errors import BaseUrlUnusable, KeyUnusable
from apiframe_studio.api.keys import check_key
from apiframe_studio.api.models import Account
from apiframe_studio.api.urls import leads_to_this_machine, usable_base_url
from apiframe_studio.background import Background
from apiframe_studio.clock import Clock, SystemClock
from apiframe_studio.file_threads import in_file_thread
from apiframe_studio.generations import Generations
from apiframe_studio.ledger import Ledger
from apiframe_studio.photo_sets import PhotoSets
from apiframe_studio.plans import StudioPlan as StudioPlan
from apiframe_studio.portfolio import Portfolio
from apiframe_studio.sending import Sending
from apiframe_studio.trainings import Trainings

if TYPE_CHECKING:
    from apiframe_studio.api.v1 import ApiframeV1

GENERATION = "v1"


class Studio:
    """The work itself. Cheap to make: the client and the ledger are opened at their first use."""

    def __init__(self, plan: StudioPlan, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.plan = plan
        self.ledger = Ledger(plan.ledger_path, service=_service_name(plan), owner=plan.owner)
        self._sending = Sending(self.ledger, self.clock, credits_a_day=plan.credits_a_day)
        self.background = Background()
        self.photo_sets = PhotoSets(
            self.service,
            self.ledger,
            self._sending,
            self.background,
            self.clock,
            folders=plan.photo_folders,
            poll_seconds=plan.poll_seconds,
        )
        self.trainings = Trainings(
            self.service,
            self.ledger,
            self._sending,
            self.photo_sets,
            self.clock,
            poll_seconds=plan.poll_seconds,
            paid_seconds=plan.paid_seconds,
        )
        self.portfolio = Portfolio(plan.output_folder, plan.picture_hosts, self.clock)
        self.generations = Generations(
            self.service,
            self.ledger,
            self._sending,
            self.background,
            self.trainings,
            self.portfolio,
            self.clock,
            poll_seconds=plan.poll_seconds,
        )
        self._api: ApiframeV1 | None = None
        self._building = anyio.Lock()

    @property
    def is_sandbox(self) -> bool:
        """Whether a stand-in answers instead of the service: nothing costs money then."""
        return self.plan.is_sandbox

    @property
    def asks_before_spending(self) -> bool:
        """Whether a person is asked before money is spent, where the client can ask."""
        return self.plan.asks_before_spending

    @property
    def service_is_local(self) -> bool:
        """Whether the service runs on this machine, so that a webhook to this machine makes sense."""
        return self.is_sandbox or leads_to_this_machine(self.plan.base_url)

    async def service(self) -> ApiframeV1:
        """The service's client.

        Raises:
            KeyUnusable, BaseUrlUnusable: the settings cannot work; nothing was sent.
        """
        key = self.plan.key.get_secret_value() if self.plan.key else ""
        if problem := check_key(key):
            raise KeyUnusable(problem)
        if self._api is None:
            async with self._building:
                if self._api is None:
                    # httpx takes a tenth of a second to load: not on the event loop, not before it is needed.
                    self._api = await in_file_thread(partial(_client, self.plan))
        return self._api

    async def account(self) -> Account:
        """Credits and plan of the key's owner. Raises ApiframeError."""
        return await (await self.service()).account()

    async def finish(self, within_seconds: float) -> None:
        """Let paid requests on their way finish; what does not in time is recorded as unconfirmed."""
        await self._sending.finish(within_seconds)

    async def aclose(self) -> None:
        """Close connections and ledger."""
        if self._api is not None:
            await self._api.aclose()
        await self.ledger.aclose()


def _service_name(plan: StudioPlan) -> str:
    """What rows of the ledger are filed under: one form of the address, so that a slash makes no other service."""
    try:
        return f"{usable_base_url(plan.base_url)} {GENERATION}"
    except BaseUrlUnusable:
        return f"{plan.base_url} {GENERATION}"


def _client(plan: StudioPlan) -> ApiframeV1:
    from apiframe_studio.api.transport import Deadlines
    from apiframe_studio.api.v1 import ApiframeV1

    deadlines = Deadlines(connect=plan.connect_seconds, read=plan.read_seconds, paid=plan.paid_seconds)
    app = plan.stand_in() if plan.stand_in else None
    return ApiframeV1(
        key=plan.key, base_url=plan.base_url, allow_http=plan.allow_http, app=app, deadlines=deadlines
    )
