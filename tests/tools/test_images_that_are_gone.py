"""A call made again names images that are there: what was removed is fetched again while its link lives, else said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mcp.types import ImageContent, ResourceLink

from apiframe_studio.sandbox import Sandbox

from .illustrated import Watched, show

if TYPE_CHECKING:
    from .conftest import HandClock, Serving, Talk

GENERATE = "/ai-photo-generate"
WISH: dict[str, Any] = {"subject": "Anna", "prompt": "by the sea", "number_of_images": 2, "seed": 7}


@pytest.fixture
async def watched(clock: HandClock) -> Watched:
    return Watched(Sandbox(clock=clock.now, training_seconds=1000.0))


async def _made(talk: Talk) -> list[Path]:
    begun = await talk.ask("start_training", training_images_id="sandbox-person", subject="Anna")
    talk.clock.at += 1001
    await talk.ask("get_training_status", task_id=begun.facts["task_id"])
    made = await show(talk, "generate_photos", **WISH)
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
async def test_an_image_that_is_gone_is_fetched_again_and_not_paid_for(
    serving: Serving, watched: Watched, take_away: Any
) -> None:
    if take_away is _put_a_link and os.name == "nt":
        pytest.skip("makes links the POSIX way")
    async with serving(stand_in=lambda: watched.app) as talk:
        first, second = await _made(talk)
        before = _content(first), _content(second)
        take_away(second)
        fetched = len([path for path, _ in watched.seen if path.startswith("/pictures/")])
        again = await show(talk, "generate_photos", **WISH)
        now = [path for path, _ in watched.seen if path.startswith("/pictures/")][fetched:]
    assert [image["path"] for image in again.facts["pictures"]] == [str(first), str(second)]
    assert (_content(first), _content(second)) == before
    assert len(now) == 1
    assert [type(block) for block in again.blocks] == [ImageContent] * 2 + [ResourceLink] * 2
    assert len(watched.bodies(GENERATE)) == 1
    assert again.facts["deduplicated"] is True


@pytest.mark.parametrize(("minutes", "paid"), [(9, 1), (11, 2)])
async def test_without_a_seed_an_image_that_is_gone_is_fetched_again_for_ten_minutes(
    serving: Serving, watched: Watched, minutes: int, paid: int
) -> None:
    wish = {name: WISH[name] for name in WISH if name != "seed"}
    async with serving(stand_in=lambda: watched.app) as talk:
        await _made(talk)
        made = await show(talk, "generate_photos", **wish)
        before = len(watched.bodies(GENERATE))
        _remove(Path(made.facts["pictures"][0]["path"]))
        talk.clock.at += 60 * minutes
        again = await show(talk, "generate_photos", **wish)
    assert len(again.images()) == 2
    assert len(watched.bodies(GENERATE)) - before == paid - 1


async def test_an_image_that_is_gone_with_its_link_is_said_to_be_and_not_named(
    serving: Serving, watched: Watched
) -> None:
    async with serving(stand_in=lambda: watched.app) as talk:
        first, second = await _made(talk)
        _remove(second)
        watched.broken.add("/pictures")
        again = await show(talk, "generate_photos", **WISH)
        watched.broken.clear()
        anew = await show(talk, "generate_photos", **{**WISH, "seed": 8})
    assert [image["path"] for image in again.facts["pictures"]] == [str(first)]
    assert str(second) not in again.text
    assert "1 image is no longer on this machine" in again.text
    assert "without one, only within 10 minutes" in again.facts["next_step"]
    assert len(watched.bodies(GENERATE)) == 2
    assert len(anew.facts["pictures"]) == 2
