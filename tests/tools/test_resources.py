"""The resources, in both eras."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import TextResourceContents

from .illustrated import show

if TYPE_CHECKING:
    from .conftest import Session


async def _text(session: Session, uri: str) -> str:
    with anyio.fail_after(60):
        [content] = (await session.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


async def _refused(session: Session, uri: str) -> str:
    with anyio.fail_after(60), pytest.raises(MCPError) as refused:
        await session.client.read_resource(uri)
    return str(refused.value)


@pytest.fixture
async def begun(session: Session) -> dict[str, Any]:
    return (await session.ask("start_training", training_images_id="sandbox-person", subject="Anna")).facts


async def test_resources_and_their_templates_are_listed_with_titles(session: Session) -> None:
    listed = (await session.client.list_resources()).resources
    templates = (await session.client.list_resource_templates()).resource_templates
    ours = {str(one.uri) for one in listed if not str(one.uri).startswith("ui:")}
    assert ours == {"apiframe://trainings", "apiframe://guides/photos"}
    assert {one.uri_template for one in templates} == {
        "apiframe://trainings/{task_id}",
        *(f"apiframe://pictures/{{ref}}/{{number}}.{ending}" for ending in ("jpg", "png", "webp")),
    }
    texts = [(one.title, one.description, one.mime_type) for one in listed]
    texts += [(one.title, one.description, one.mime_type) for one in templates]
    assert all(all(words) for words in texts)


async def test_the_list_resource_equals_the_result_of_list_trainings(
    session: Session, begun: dict[str, Any]
) -> None:
    read = json.loads(await _text(session, "apiframe://trainings"))
    assert [row["subject"] for row in read["trainings"]] == ["Anna"]
    assert read == (await session.ask("list_trainings")).facts
    assert read["trainings"][0]["ref"] == begun["ref"]


@pytest.mark.parametrize("name", ["task_id", "ref"])
async def test_the_training_resource_equals_the_result_of_get_training_status(
    session: Session, begun: dict[str, Any], name: str
) -> None:
    session.clock.at += 1001
    read = json.loads(await _text(session, f"apiframe://trainings/{begun[name]}"))
    assert read["status"] == "finished"
    assert read["trigger_word"]
    assert read == (await session.ask("get_training_status", task_id=begun["ref"])).facts


async def test_the_guide_says_what_makes_good_photos(session: Session) -> None:
    guide = await _text(session, "apiframe://guides/photos")
    assert guide.startswith("# Good photos for a training")
    assert "check_photos" in guide


async def test_an_unknown_training_is_explained(session: Session) -> None:
    assert "list_trainings" in await _refused(session, "apiframe://trainings/tr-0000000")


async def test_a_missing_image_is_not_a_resource(session: Session, begun: dict[str, Any]) -> None:
    session.clock.at += 1001
    await session.ask("get_training_status", task_id=begun["ref"])
    made = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
    ref = made.facts["ref"]
    for missing in ("ge-0000000/1.png", f"{ref}/2.png", f"{ref}/x.png", "..%2F..%2Fetc/1.png"):
        message = await _refused(session, f"apiframe://pictures/{missing}")
        assert str(session.studio.config.output_folder) not in message, missing


async def test_an_image_outside_the_output_folder_is_not_served(
    session: Session, begun: dict[str, Any]
) -> None:
    session.clock.at += 1001
    await session.ask("get_training_status", task_id=begun["ref"])
    made = await show(session, "generate_photos", subject="Anna", prompt="by the sea")
    [image] = await session.studio.ledger.images_of(made.facts["ref"])
    private = session.studio.config.ledger_path.with_name("private.png")
    private.write_bytes(b"private")
    from dataclasses import replace

    await session.studio.ledger.save_images([replace(image, path=str(private))])
    await _refused(session, made.facts["pictures"][0]["uri"])
