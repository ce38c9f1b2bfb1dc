"""What all verbs of a studio work with."""

from __future__ import annotations

from dataclasses import dataclass

from apiframe_studio.api.provider import ProviderFactory, Terms
from apiframe_studio.clock import Clock
from apiframe_studio.config import StudioConfig
from apiframe_studio.image_store import ImageStore
from apiframe_studio.jobs import Jobs
from apiframe_studio.ledger import Ledger
from apiframe_studio.service_time import ServiceTime
from apiframe_studio.submitter import Submitter
from apiframe_studio.tracker import Tracker


@dataclass(frozen=True)
class Core:
    """The parts that trainings, photo sets and images share."""

    config: StudioConfig
    terms: Terms
    clock: Clock
    service_time: ServiceTime
    provider: ProviderFactory
    ledger: Ledger
    tracker: Tracker
    submitter: Submitter
    jobs: Jobs
    image_store: ImageStore
