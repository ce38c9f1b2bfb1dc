"""A repeated call returns existing images, fetches removed ones again, and reports those whose links have expired."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mcp.types import ImageContent, ResourceLink

from apiframe_studio.sandbox import Sandbox

from .illustrated import Watched, show

if TYPE_CHECKING:
    from .conftest import HandClock, Serving, Session

pytestmark = pytest.mark.slow

GENERATE = "/ai-photo-generate"
ARGUMENTS: dict[str, Any] = {"subject": "Anna", "prompt": "by the sea", "number_of_images": 2, "seed": 7}


@pytest.fixture
async def watched(clock: HandClock) -> Watched:
    return Watched(Sandbox(clock=clock.now, training_seconds=1000.0))


async def _made(session: Session) -> list[Path]:
    begun = await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    session.clock.at += 1001
    await session.ask("get_training_status", task_id=begun.facts["task_id"])
    made = await show(session, "generate_photos", **ARGUMENTS)
    return [Path(image["path"]) for image in made.facts["pictures"]]


def _remove(path: Path) -> None:
    path.unlink()


def _put_a_link(path: Path) -> None:
    path.rename(path.with_name("mine.png"))
    path.symlink_to(path.with_name("mine.png"))


def _content(path: Path) -> bytes:
    assert not path.is_symlink()
    return path.read_bytes()


@pytest.mark.parametrize("take_away", [_remove, _put_a_link])
async def test_a_removed_image_is_fetched_again_without_payment(
    serving: Serving, watched: Watched, take_away: Any
) -> None:
    if take_away is _put_a_link and os.name == "nt":
        pytest.skip("makes links the POSIX way")
    async with serving(app_factory=lambda: watched.app) as session:
        first, second = await _made(session)
        before = _content(first), _content(second)
        take_away(second)
        fetched = len([path for path, _ in watched.seen if path.startswith("/pictures/")])
        again = await show(session, "generate_photos", **ARGUMENTS)
        now = [path for path, _ in watched.seen if path.startswith("/pictures/")][fetched:]
    assert [image["path"] for image in again.facts["pictures"]] == [str(first), str(second)]
    assert (_content(first), _content(second)) == before
    assert len(now) == 1
    assert [type(block) for block in again.blocks] == [ImageContent] * 2 + [ResourceLink] * 2
    assert len(watched.bodies(GENERATE)) == 1
    assert again.facts["deduplicated"] is True


@pytest.mark.parametrize(("minutes", "paid"), [(9, 1), (11, 2)])
async def test_without_a_seed_a_removed_image_is_fetched_again_for_ten_minutes(
    serving: Serving, watched: Watched, minutes: int, paid: int
) -> None:
    arguments = {name: ARGUMENTS[name] for name in ARGUMENTS if name != "seed"}
    async with serving(app_factory=lambda: watched.app) as session:
        await _made(session)
        made = await show(session, "generate_photos", **arguments)
        before = len(watched.bodies(GENERATE))
        _remove(Path(made.facts["pictures"][0]["path"]))
        session.clock.at += 60 * minutes
        again = await show(session, "generate_photos", **arguments)
    assert len(again.images()) == 2
    assert len(watched.bodies(GENERATE)) - before == paid - 1


async def test_a_removed_image_with_an_expired_link_is_reported_as_missing(
    serving: Serving, watched: Watched
) -> None:
    async with serving(app_factory=lambda: watched.app) as session:
        first, second = await _made(session)
        _remove(second)
        watched.broken.add("/pictures")
        again = await show(session, "generate_photos", **ARGUMENTS)
        watched.broken.clear()
        new = await show(session, "generate_photos", **{**ARGUMENTS, "seed": 8})
    assert [image["path"] for image in again.facts["pictures"]] == [str(first)]
    assert str(second) not in again.text
    assert "1 image is no longer on this machine" in again.text
    assert "without one, only within 10 minutes" in again.facts["next_step"]
    assert len(watched.bodies(GENERATE)) == 2
    assert len(new.facts["pictures"]) == 2
