"""A set expires by the clock of the service, and a wrong local clock causes no payments."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apiframe_studio.sandbox import Sandbox

from .illustrated import refuse, show

if TYPE_CHECKING:
    from .conftest import HandClock, Serving, Session

pytestmark = pytest.mark.slow

DAY = 24 * 3600.0
AHEAD = 2 * DAY
ATTRIBUTES: dict[str, Any] = {"gender": "female", "ethnicity": "white", "consent": True}
IN_ONE_ERA = pytest.mark.parametrize("era", ["auto"], indirect=True)


class ServiceElsewhere:
    """A service with the correct time, while this machine's clock is `ahead` of it.

    `dated` responses have a Date header, which a proxy with a wrong clock shifts by `date_off` seconds.
    """

    def __init__(
        self, clock: HandClock, *, ahead: float = AHEAD, dated: bool = True, date_off: float = 0
    ) -> None:
        self.paths: list[str] = []
        self.date_off = date_off
        self._clock, self._ahead, self._dated = clock, ahead, dated
        self.sandbox = Sandbox(clock=self.now)

    def now(self) -> float:
        """The time of the service in seconds since the epoch."""
        return self._clock.now() - self._ahead

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])

        async def dated(message: Any) -> None:
            if self._dated and message["type"] == "http.response.start":
                date = (b"date", formatdate(self.now() + self.date_off, usegmt=True).encode())
                message = {**message, "headers": [*message["headers"], date]}
            await send(message)

        await self.sandbox.app(scope, receive, dated)


async def _train_from_one_new_set(session: Session, request: dict[str, Any], old: str) -> None:
    new = [(await show(session, "prepare_photos", **request)).facts["training_images_id"] for _ in range(2)]
    await show(session, "start_training", training_images_id=new[0])
    assert new[0] == new[1] != old


@pytest.mark.parametrize("dated", [True, False])
async def test_a_clock_that_is_ahead_causes_no_repeated_payments(
    serving: Serving, clock: HandClock, photos: Path, dated: bool
) -> None:
    clock.runs = True
    service = ServiceElsewhere(clock, dated=dated)
    arguments = {"paths": [str(photos)], **ATTRIBUTES}
    async with serving(app_factory=lambda: service.app) as session:
        first = await show(session, "prepare_photos", **arguments)
        again = await show(session, "prepare_photos", **arguments)
        begun = await show(session, "start_training", training_images_id=first.facts["training_images_id"])
    assert service.paths.count("/ai-photo-upload") == 1
    assert service.paths.count("/ai-photo-train") == 1
    assert first.facts["status"] == again.facts["status"] == "ready"
    assert again.facts["deduplicated"] is True
    assert begun.facts["status"] == "queued"
    assert ("clock is 2 days ahead of the service's" in first.text) is dated


@pytest.mark.parametrize("dated", [True, False])
@IN_ONE_ERA
async def test_a_set_that_has_expired_at_the_service_is_reported(
    serving: Serving, clock: HandClock, photos: Path, dated: bool
) -> None:
    clock.runs = True
    service = ServiceElsewhere(clock, dated=dated)
    async with serving(app_factory=lambda: service.app) as session:
        prepared = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
        clock.at += DAY + 3600
        refusal = await refuse(session, "start_training", training_images_id=prepared.facts["ref"])
        assert "has expired" in refusal
        assert ("clock is 2 days ahead" in refusal) is dated
        await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert service.paths.count("/ai-photo-upload") == 2
    assert service.paths.count("/ai-photo-train") == 0


@IN_ONE_ERA
async def test_a_new_process_reads_the_time_of_the_service_before_it_reports_a_set_as_expired(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    service = ServiceElsewhere(clock, ahead=0)
    arguments = {"paths": [str(photos)], **ATTRIBUTES}
    async with serving(app_factory=lambda: service.app) as session:
        prepared = await show(session, "prepare_photos", **arguments)
    service._ahead = 30 * DAY
    clock.at += 30 * DAY
    async with serving(app_factory=lambda: service.app) as session:
        again = await show(session, "prepare_photos", **arguments)
    async with serving(app_factory=lambda: service.app) as session:
        await show(session, "start_training", training_images_id=prepared.facts["ref"])
    assert again.facts["status"] == "ready"
    assert "30 days ahead" in again.text
    assert (service.paths.count("/ai-photo-upload"), service.paths.count("/ai-photo-train")) == (1, 1)


@IN_ONE_ERA
async def test_a_clock_that_is_about_right_is_not_mentioned(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    service = ServiceElsewhere(clock, ahead=-120)
    async with serving(app_factory=lambda: service.app) as session:
        prepared = await show(session, "prepare_photos", paths=[str(photos)], **ATTRIBUTES)
    assert "clock" not in prepared.text


@pytest.mark.parametrize("off", [2 * DAY, DAY - 1800])
@pytest.mark.parametrize("sometimes", [False, True])
@IN_ONE_ERA
async def test_a_date_header_that_is_ahead_causes_no_repeated_payments(
    serving: Serving, clock: HandClock, photos: Path, off: float, sometimes: bool
) -> None:
    clock.runs = True
    service = ServiceElsewhere(clock, ahead=0, date_off=0 if sometimes else off)
    arguments = {"paths": [str(photos)], **ATTRIBUTES}
    async with serving(app_factory=lambda: service.app) as session:
        first = await show(session, "prepare_photos", **arguments)
        for hours in (1, 2, 3):
            clock.at += hours * 3600
            service.date_off = off
            # A status check, so that the wrong Date is read.
            await show(session, "get_account")
            again = await show(session, "prepare_photos", **arguments)
            assert again.facts["training_images_id"] == first.facts["training_images_id"]
            assert ("This machine's clock is" in again.text) is ("behind the service's" in again.text) is True
            service.date_off = 0 if sometimes else off
        begun = await show(session, "start_training", training_images_id=first.facts["training_images_id"])
    assert begun.facts["status"] == "queued"
    assert service.paths.count("/ai-photo-upload") == 1


@IN_ONE_ERA
async def test_a_set_that_a_late_date_header_keeps_valid_expires_when_the_service_rejects_it(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    service = ServiceElsewhere(clock, ahead=0, date_off=-2 * DAY)
    arguments = {"paths": [str(photos)], **ATTRIBUTES}
    async with serving(app_factory=lambda: service.app) as session:
        old = (await show(session, "prepare_photos", **arguments)).facts["training_images_id"]
        clock.at += DAY + 3600
        assert (await show(session, "prepare_photos", **arguments)).facts["training_images_id"] == old
        assert "expired" in await refuse(session, "start_training", training_images_id=old)
        refusal = await refuse(session, "start_training", training_images_id=old)
        await _train_from_one_new_set(session, arguments, old)
    assert "2 days ahead of the service's" in refusal
    assert service.paths.count("/ai-photo-upload") == 2
    assert service.paths.count("/ai-photo-train") == 2


@IN_ONE_ERA
async def test_a_set_that_the_service_expires_early_is_replaced(
    serving: Serving, clock: HandClock, photos: Path
) -> None:
    clock.runs = True
    service = ServiceElsewhere(clock, ahead=0)
    arguments = {"paths": [str(photos)], **ATTRIBUTES}
    async with serving(app_factory=lambda: service.app) as session:
        old = (await show(session, "prepare_photos", **arguments)).facts["training_images_id"]
        await service.sandbox.advance(DAY + 3600)
        assert "expired" in await refuse(session, "start_training", training_images_id=old)
        await _train_from_one_new_set(session, arguments, old)
    assert service.paths.count("/ai-photo-upload") == 2
