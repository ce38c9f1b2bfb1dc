"""A server on other terms publishes and returns those, and no number or choice of the first generation."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import Client
from mcp.types import ElicitResult, TextContent, TextResourceContents

from apiframe_studio.api.provider import Range, Terms, TrainingPrice
from apiframe_studio.api.select import DEFAULT_TERMS
from apiframe_tools.results import read_fields

if TYPE_CHECKING:
    from .conftest import Serving

ALTERED = replace(
    DEFAULT_TERMS,
    photos=Range(11, 23),
    upload_credits=7.0,
    training_credits=TrainingPrice(per_photo=9.0),
    image_credits=6.0,
    genders=("female", "non-binary"),
    ethnicities=("white", "martian"),
    aspect_ratios=("1:1", "7:5"),
    images_per_request=Range(1, 3),
    max_prompt=1777,
    photo_long_side=640,
    set_lifetime_seconds=5 * 3600.0,
)
OLD = {
    "a range of photos": r"\b10 to 30\b|\b(least|minimum is|reach|needs) 10\b|\b(best|most|maximum|than) 30\b",
    "the price of an upload": r"\b2 credits\b|\bfor 2 \b",
    "the price of a training": r"\b4 credits\b|\b40 to 120\b|\b40\b.*\bcredits\b|\b48\b",
    "the price of an image": r"\b1 credit\b",
    "an age of sets": r"\babout a day\b",
    "a choice": r'"male"|\basian\b|\blatino\b|\b16:9\b|\b21:9\b',
    "a limit": r'"(maximum|maxLength)": ?(4|2000)\b',
}
LACKING = replace(ALTERED, chooses_trigger_word=False, webhook_secret=False, custom_size=False)
ABSENT = {"start_training": ("trigger_word", "webhook_secret"), "generate_photos": ("width", "height")}
AGREED = ElicitResult(action="accept", content={"agreed": True})


def _old_values_in(text: str) -> list[str]:
    found = [(name, match[0]) for name, old in OLD.items() for match in re.finditer(old, text)]
    return [f"{name}: {refusal}" for name, refusal in found]


def test_this_test_would_find_the_terms_of_the_first_generation() -> None:
    refusal = (
        "Takes 10 to 30 photos. Costs 2 credits, then 4 credits a photo (40 to 120), 1 credit an image. Lives about a "
        'day. {"enum": ["female", "male", "asian", "16:9"], "maximum": 4, "maxLength": 2000}'
    )
    assert {found.partition(":")[0] for found in _old_values_in(refusal)} == set(OLD)


@asynccontextmanager
async def _serve(serving: Serving, asked: list[str], terms: Terms = ALTERED) -> AsyncGenerator[Client]:
    """Serve on the altered terms, as if the sandbox were the service, to a user who agrees to every question."""

    async def answer(context: Any, params: Any) -> ElicitResult:
        del context
        asked.append(params.message)
        return AGREED

    plan = {"is_sandbox": False, "connect_seconds": 5.0, "read_seconds": 15.0, "paid_seconds": 20.0}
    async with serving(terms=terms, answers=answer, speeds={"training_seconds": 20.0}, **plan) as session:
        session.clock.runs = True
        yield session.client


async def _publish(client: Client) -> dict[str, str]:
    """Return everything that a client can read without calling a tool."""
    shown = {"instructions": client.instructions or ""}
    for tool in (await client.list_tools()).tools:
        shown[f"tool {tool.name}"] = json.dumps(tool.model_dump(mode="json", by_alias=True))
    for prompt in (await client.list_prompts()).prompts:
        shown[f"prompt {prompt.name}"] = prompt.model_dump_json()
    for resource in (await client.list_resources()).resources:
        shown[f"resource {resource.name}"] = resource.model_dump_json()
        for content in (await client.read_resource(str(resource.uri))).contents:
            assert isinstance(content, TextResourceContents)
            shown[f"content of {resource.name}"] = content.text
    return shown


async def test_no_published_text_has_a_value_of_other_terms(serving: Serving) -> None:
    async with _serve(serving, []) as client:
        shown = await _publish(client)
    assert {name: old for name, text in shown.items() if (old := _old_values_in(text))} == {}
    assert "11 to 23" in shown["tool prepare_photos"]
    assert "7 credits" in shown["tool prepare_photos"]
    assert "9 credits a photo (99 to 207)" in shown["tool start_training"]
    assert "6 credits an image" in shown["tool generate_photos"]
    assert '"enum": ["1:1", "7:5", "custom"]' in shown["tool generate_photos"]
    assert '"maximum": 3' in shown["tool generate_photos"]
    assert "about 5 hours" in shown["instructions"]
    assert any("minimum is 11, the maximum 23" in text for text in shown.values())


async def test_parameters_that_the_terms_lack_are_neither_published_nor_accepted(serving: Serving) -> None:
    async with _serve(serving, [], LACKING) as client:
        shown = await _publish(client)
        published = {tool.name: tool.input_schema["properties"] for tool in (await client.list_tools()).tools}
        refused = {
            (tool, name): await client.call_tool(tool, {name: "x"})
            for tool, names in ABSENT.items()
            for name in names
        }
        begun = await client.call_tool(
            "start_training", {"training_images_id": "sandbox-person", "subject": "Anna"}
        )
    assert {
        name: published[tool].get(name) for tool, names in ABSENT.items() for name in names
    } == dict.fromkeys([name for names in ABSENT.values() for name in names])
    gone = re.compile(r"webhook_secret|webhook-secret|not the one requested|\bcustom\b|Made-up word")
    assert {name: found[0] for name, text in shown.items() if (found := gone.search(text))} == {}
    for (_, name), result in refused.items():
        [block] = result.content
        assert isinstance(block, TextContent)
        assert f"Not an argument of this tool: {name}." in block.text
    assert not begun.is_error


async def test_values_that_the_terms_do_not_allow_are_refused_before_anything_is_sent(
    serving: Serving, photos: Path
) -> None:
    asked: list[str] = []
    prepare = {"paths": [str(photos)], "ethnicity": "white", "consent": True}
    generate = {"subject": "Anna", "prompt": "by a window"}
    async with _serve(serving, asked) as client:
        for tool, arguments, named in (
            ("prepare_photos", {**prepare, "gender": "male"}, "gender"),
            ("prepare_photos", {**prepare, "gender": "female", "ethnicity": "asian"}, "ethnicity"),
            ("generate_photos", {**generate, "aspect_ratio": "16:9"}, "aspect_ratio"),
            ("generate_photos", {**generate, "number_of_images": 4}, "number_of_images"),
            ("generate_photos", {**generate, "prompt": "x" * 1778}, "prompt"),
        ):
            result = await client.call_tool(tool, arguments)
            [block] = result.content
            assert isinstance(block, TextContent)
            assert result.is_error, block.text
            assert named in block.text
            assert _old_values_in(block.text) == []
    assert asked == []


@pytest.mark.slow
async def test_nothing_returned_by_the_main_job_has_a_value_of_other_terms(
    serving: Serving, photos: Path
) -> None:
    refusal: list[str] = []
    asked: list[str] = []

    async def call(tool: str, **arguments: Any) -> dict[str, Any]:
        with anyio.fail_after(60):
            result = await client.call_tool(tool, arguments)
        refusal.extend(block.text for block in result.content if isinstance(block, TextContent))
        # Without the balance, which the sandbox computes from its prices.
        facts = {**read_fields(result), "credits_left": None}
        refusal.append(json.dumps(facts))
        return facts

    async with _serve(serving, asked) as client:
        await call("get_account")
        checked = await call("check_photos", paths=[str(photos)])
        subject = {"gender": "female", "ethnicity": "white", "subject": "Anna", "consent": True}
        prepared = await call("prepare_photos", paths=[str(photos)], **subject)
        begun = await call("start_training", training_images_id=prepared["training_images_id"])
        await call("start_training", training_images_id="sandbox-person", subject="Bo")
        await call("list_trainings")
        ended = await call("wait_for_training", task_id=begun["task_id"])
        images = await call("generate_photos", subject="Anna", prompt="by a window", number_of_images=2)
    assert ended["status"] == "finished"
    assert (checked["needed"], checked["preparing_credits"], checked["training_credits"]) == (11, 7, 108)
    assert (prepared["credits"], prepared["training_credits"]) == (7, 108)
    assert (begun["credits"], images["credits"]) == (108, 12)
    # The folder of a test may have any number in its name.
    texts = [text.replace(str(photos.parent), "") for text in [*refusal, *asked]]
    assert {text: old for text in texts if (old := _old_values_in(text))} == {}
    assert any("7 credits; training on them costs 108 more" in question for question in asked)
    assert any("99 to 207 credits" in question for question in asked)


def _keep(photos: Path, number: int) -> None:
    for photo in sorted(photos.iterdir())[number:]:
        photo.unlink()


@pytest.mark.parametrize("usable", [10, 11])
async def test_the_number_of_photos_that_the_terms_ask_for_decides(
    serving: Serving, photos: Path, usable: int
) -> None:
    _keep(photos, usable)
    async with _serve(serving, []) as client:
        with anyio.fail_after(60):
            checked = await client.call_tool("check_photos", {"paths": [str(photos)]})
    facts = read_fields(checked)
    assert (facts["usable"], facts["enough"]) == (usable, usable == 11)
    assert _old_values_in(json.dumps(facts)) == []
