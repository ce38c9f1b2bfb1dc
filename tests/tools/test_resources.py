"""What can be read beside the tools, in both eras."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import TextResourceContents

from .illustrated import show

if TYPE_CHECKING:
    from .conftest import Talk


async def _text(talk: Talk, uri: str) -> str:
    with anyio.fail_after(20):
        [content] = (await talk.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


async def _refused(talk: Talk, uri: str) -> str:
    with anyio.fail_after(20), pytest.raises(MCPError) as refused:
        await talk.client.read_resource(uri)
    return str(refused.value)


@pytest.fixture
async def begun(talk: Talk) -> dict[str, Any]:
    return (await talk.ask("start_training", training_images_id="sandbox-person", subject="Anna")).facts


async def test_resources_and_their_templates_are_listed_with_titles(talk: Talk) -> None:
    listed = (await talk.client.list_resources()).resources
    templates = (await talk.client.list_resource_templates()).resource_templates
    assert {str(one.uri) for one in listed} == {"apiframe://trainings", "apiframe://guides/photos"}
    assert {one.uri_template for one in templates} == {
        "apiframe://trainings/{task_id}",
        *(f"apiframe://pictures/{{ref}}/{{number}}.{ending}" for ending in ("jpg", "png", "webp")),
    }
    told = [(one.title, one.description, one.mime_type) for one in listed]
    told += [(one.title, one.description, one.mime_type) for one in templates]
    assert all(all(words) for words in told)


async def test_the_list_is_what_list_trainings_returns(talk: Talk, begun: dict[str, Any]) -> None:
    read = json.loads(await _text(talk, "apiframe://trainings"))
    assert [row["subject"] for row in read["trainings"]] == ["Anna"]
    assert read == (await talk.ask("list_trainings")).facts
    assert read["trainings"][0]["ref"] == begun["ref"]


@pytest.mark.parametrize("name", ["task_id", "ref"])
async def test_one_training_is_what_get_training_status_returns(
    talk: Talk, begun: dict[str, Any], name: str
) -> None:
    talk.clock.at += 1001
    read = json.loads(await _text(talk, f"apiframe://trainings/{begun[name]}"))
    assert read["status"] == "finished"
    assert read["trigger_word"]
    assert read == (await talk.ask("get_training_status", task_id=begun["ref"])).facts


async def test_the_guide_says_what_makes_good_photos(talk: Talk) -> None:
    guide = await _text(talk, "apiframe://guides/photos")
    assert guide.startswith("# Good photos for a training")
    assert "check_photos" in guide


async def test_a_training_that_is_not_known_is_explained(talk: Talk) -> None:
    assert "list_trainings" in await _refused(talk, "apiframe://trainings/tr-0000000")


@pytest.mark.parametrize("uri", ["ge-0000000/1.png", "{ref}/2.png", "{ref}/x.png", "..%2F..%2Fetc/1.png"])
async def test_a_picture_that_is_not_there_is_no_resource(
    talk: Talk, begun: dict[str, Any], uri: str
) -> None:
    talk.clock.at += 1001
    await talk.ask("get_training_status", task_id=begun["ref"])
    made = await show(talk, "generate_photos", subject="Anna", prompt="by the sea")
    said = await _refused(talk, f"apiframe://pictures/{uri.format(ref=made.facts['ref'])}")
    assert str(talk.studio.plan.output_folder) not in said


async def test_a_picture_outside_the_output_folder_is_not_served(talk: Talk, begun: dict[str, Any]) -> None:
    talk.clock.at += 1001
    await talk.ask("get_training_status", task_id=begun["ref"])
    made = await show(talk, "generate_photos", subject="Anna", prompt="by the sea")
    [picture] = await talk.studio.ledger.pictures_of(made.facts["ref"])
    private = talk.studio.plan.ledger_path.with_name("private.png")
    private.write_bytes(b"private")
    from dataclasses import replace

    await talk.studio.ledger.save_pictures([replace(picture, path=str(private))])
    await _refused(talk, made.facts["pictures"][0]["uri"])
