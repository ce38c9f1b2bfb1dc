"""Earlier images are found again in a new chat, and others are made like them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Serving, Session
from .illustrated import show
from .kept import keep_set

pytestmark = pytest.mark.slow

GENERATE = {"v1": "/ai-photo-generate", "v2": "/v2/images/generate"}


async def train(session: Session, api: str) -> str:
    name = await keep_set(session) if api == "v2" else "sandbox-person"
    await session.ask("start_training", training_images_id=name, subject="Anna")
    session.clock.at += 1_100
    session.clock.runs = True
    return str((await session.ask("get_training_status", subject="Anna")).facts["trigger_word"])


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_images_are_listed_newest_first_with_how_they_were_made(
    serving: Serving, tmp_path: Path, api: Any
) -> None:
    async with serving(api=api) as session:
        word = await train(session, api)
        await show(session, "generate_photos", subject="Anna", prompt="in a garden", seed=7)
        session.clock.at += 60
        await show(session, "generate_photos", subject="Anna", prompt="by the sea", aspect_ratio="16:9")
        listed = await session.ask("list_images", subject="anna")
        page = await session.ask("list_images", limit=1)
        rest = await session.ask("list_images", limit=1, cursor=page.facts["next_cursor"])
        saved = {str(path) for path in (tmp_path / "portraits").rglob("*.png")}
        of_berta = await session.ask("list_images", subject="Berta")
    newest, oldest = listed.facts["requests"]
    assert (newest["size"], oldest["seed"], oldest["trigger_word"]) == ("16:9", 7, word)
    assert newest["prompt"] == f"{word} by the sea"
    assert {*newest["paths"], *oldest["paths"]} == saved
    assert f"Anna: '{word} by the sea' (trigger word {word}, 16:9), ref {newest['ref']}: " in listed.text
    assert "for another one like them, call generate_photos with their ref as like" in listed.text
    assert [one["ref"] for one in (*page.facts["requests"], *rest.facts["requests"])] == [
        newest["ref"],
        oldest["ref"],
    ]
    assert rest.facts["next_cursor"] is None
    assert (of_berta.facts["total"], "No images yet." in of_berta.text) == (0, True)


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_another_one_like_it_has_its_training_and_its_size_and_a_new_prompt(
    serving: Serving, api: Any
) -> None:
    async with serving(api=api) as session:
        word = await train(session, api)
        await show(session, "generate_photos", subject="Anna", prompt="in town", aspect_ratio="9:16", seed=7)
        [earlier] = (await session.ask("list_images")).facts["requests"]
        session.clock.at += 60
        await show(session, "generate_photos", like=earlier["ref"], prompt="by the sea")
        await show(session, "generate_photos", like=earlier["ref"], prompt="by the sea")
        assert session.asked(GENERATE[api]) == 2
        newest, _ = (await session.ask("list_images")).facts["requests"]
        wide = await show(
            session, "generate_photos", like=earlier["ref"], prompt="at home", aspect_ratio="16:9"
        )
    assert (newest["size"], newest["seed"], newest["task_id"]) == ("9:16", None, earlier["task_id"])
    assert newest["prompt"] == f"{word} by the sea"
    assert wide.facts["size"] == "16:9"


async def test_an_unknown_ref_is_refused_before_anything_is_sent(serving: Serving) -> None:
    async with serving() as session:
        await train(session, "v1")
        for ref in ("im-unknown", (await session.ask("list_trainings")).facts["trainings"][0]["ref"]):
            message = await session.refusal("generate_photos", like=ref, prompt="by the sea")
            assert "No images in this ledger have that ref. Call list_images to see them." in message
        both = await session.refusal("generate_photos", like="im-1", subject="Anna", task_id="t", prompt="x")
        assert "Pass either task_id or subject" in both
        assert session.asked("/ai-photo-generate") == 0


async def test_images_of_a_forgotten_subject_are_not_listed(serving: Serving) -> None:
    async with serving() as session:
        await train(session, "v1")
        made = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
        await session.ask("forget_subject", subject="Anna", confirm="Anna")
        listed = await session.ask("list_images")
        assert "by the sea" not in listed.text
        assert (listed.facts["requests"], listed.facts["total"]) == ([], 0)
        message = await session.refusal("generate_photos", like=made.facts["ref"], prompt="at home")
    assert "No images in this ledger have that ref" in message
