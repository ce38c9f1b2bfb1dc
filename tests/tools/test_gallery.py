"""The gallery next to the images: named in the results, complete after each call, and gone with the subject."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .illustrated import show
from .test_earlier_images import train

if TYPE_CHECKING:
    from .conftest import Serving, Session

pytestmark = pytest.mark.slow


def _gallery(tmp_path: Path) -> Path:
    return tmp_path / "portraits" / "Anna" / "gallery.html"


def _names(page: Path) -> list[str]:
    return sorted(path.name for path in page.parent.glob("*.png"))


def _heading(page: Path) -> str:
    [heading] = re.findall("<h1.*?>(.*)</h1>", page.read_text(encoding="utf-8"))
    return str(heading)


async def test_it_has_every_image_and_is_named_by_the_results_until_the_subject_is_forgotten(
    session: Session, tmp_path: Path
) -> None:
    page = _gallery(tmp_path)
    word = await train(session, "v1")
    first = await show(session, "generate_photos", subject="Anna", prompt="by the sea", seed=7)
    session.clock.at += 60
    second = await show(session, "generate_photos", subject="Anna", prompt="at home", number_of_images=2)
    for made in (first, second):
        assert made.text.count(f"Gallery: {page}.") == 1
        assert made.facts["gallery"] == str(page)
    text = page.read_text(encoding="utf-8")
    assert text.index(f"{word} at home") < text.index(f"{word} by the sea")
    assert len(_names(page)) == 3
    assert all(f'src="{name}"' in text for name in _names(page))
    listed = await session.ask("list_images")
    assert listed.facts["galleries"] == [str(page)]
    assert f"\nGallery: {page}\n" in listed.text
    await session.ask("forget_subject", subject="Anna", confirm="Anna")
    assert not page.parent.exists()


async def test_an_image_that_is_fetched_again_is_back_in_it_and_a_missing_page_too(
    serving: Serving, tmp_path: Path
) -> None:
    page = _gallery(tmp_path)
    async with serving() as session:
        await train(session, "v1")
        arguments = {"subject": "Anna", "prompt": "by the sea", "seed": 7, "number_of_images": 2}
        await show(session, "generate_photos", **arguments)
        before = page.read_text(encoding="utf-8")
        page.unlink()
        (page.parent / _names(page)[0]).unlink()
        again = await show(session, "generate_photos", **arguments)
    assert again.facts["gallery"] == str(page)
    assert page.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("subject", ["a/b <b>", None])
async def test_a_subject_with_an_odd_name_or_none_has_one(serving: Serving, subject: str | None) -> None:
    async with serving() as session:
        begun = await session.ask("start_training", training_images_id="sandbox-person", subject=subject)
        session.clock.at += 1_100
        await session.ask("get_training_status", task_id=begun.facts["task_id"])
        made = await show(session, "generate_photos", task_id=begun.facts["task_id"], prompt="by the sea")
    page = Path(made.facts["gallery"])
    assert page.parent.name == ("a_b _b_" if subject else "unnamed")
    assert _heading(page) == ("a/b &lt;b&gt;" if subject else "unnamed")


async def test_without_images_no_gallery_is_named(session: Session) -> None:
    await train(session, "v1")
    listed = await session.ask("list_images")
    assert listed.facts["galleries"] == []
    assert "Gallery" not in listed.text
