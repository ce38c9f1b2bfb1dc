"""Rules for all tools: names, descriptions, schemas, and the size of the list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from mcp.types import Tool

from .conftest import compact

if TYPE_CHECKING:
    from .conftest import Session

NAMES = {
    "check_photos",
    "prepare_photos",
    "generate_photos",
    "start_training",
    "get_training_status",
    "wait_for_training",
    "list_trainings",
    "resolve_training",
    "get_account",
    "forget_subject",
    "list_images",
}
VERBS = {"Check", "Generate", "Get", "List", "Record", "Remove", "Start", "Wait"}
MAX_LIST = 8_900
ORDERS = re.compile(
    r"\b(always|must (first|always|never)|you (must|should)|never call|make sure|important)\b", re.IGNORECASE
)


@pytest.fixture
async def tools(session: Session) -> list[Tool]:
    return (await session.client.list_tools()).tools


def _parameters(tool: Tool) -> dict[str, Any]:
    parameters: dict[str, Any] = tool.input_schema["properties"]
    return parameters


async def test_the_tools_have_the_documented_names(tools: list[Tool]) -> None:
    assert {tool.name for tool in tools} == NAMES


async def test_every_tool_has_a_title_and_annotations(tools: list[Tool]) -> None:
    for tool in tools:
        assert tool.title, tool.name
        hints = tool.annotations
        assert hints is not None, tool.name
        given = (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert None not in given, tool.name
        assert not (hints.read_only_hint and hints.destructive_hint), tool.name


async def test_only_tools_that_change_something_are_not_read_only(tools: list[Tool]) -> None:
    changing = {tool.name for tool in tools if tool.annotations and not tool.annotations.read_only_hint}
    assert changing == {
        "prepare_photos",
        "start_training",
        "resolve_training",
        "generate_photos",
        "forget_subject",
    }


async def test_every_description_begins_with_a_verb_and_has_no_commands_to_the_model(
    tools: list[Tool],
) -> None:
    for tool in tools:
        words = tool.description or ""
        assert words.split()[0].strip(",") in VERBS, tool.name
        assert not ORDERS.search(words), tool.name
        assert words.splitlines()[0].endswith("."), tool.name


async def test_no_description_has_the_indentation_of_its_source(tools: list[Tool]) -> None:
    for tool in tools:
        assert not re.search(r"^\s|\s$|\n[ \t]", tool.description or ""), tool.name


async def test_every_parameter_is_described_and_typed(tools: list[Tool]) -> None:
    for tool in tools:
        for name, schema in _parameters(tool).items():
            assert schema.get("description"), f"{tool.name}.{name}"
            assert isinstance(schema.get("type"), str), f"{tool.name}.{name}"


async def test_input_schemas_are_flat_closed_and_without_null(tools: list[Tool]) -> None:
    for tool in tools:
        assert tool.input_schema["additionalProperties"] is False, tool.name
        text = compact(tool.input_schema)
        for superfluous in ('"anyOf"', '"null"', ":null", '"$ref"', '"$defs"', '"title"'):
            assert superfluous not in text, f"{tool.name}: {superfluous}"


async def test_every_text_parameter_has_a_limit(tools: list[Tool]) -> None:
    for tool in tools:
        for name, schema in _parameters(tool).items():
            if schema["type"] == "string":
                assert "maxLength" in schema or "enum" in schema, f"{tool.name}.{name}"


async def test_the_tool_list_stays_within_its_budget(tools: list[Tool]) -> None:
    size = sum(
        len(tool.name) + len(tool.description or "") + len(compact(tool.input_schema)) for tool in tools
    )
    assert size <= MAX_LIST, f"{size} characters"


async def test_output_schemas_allow_null_where_clients_validate_it(tools: list[Tool]) -> None:
    assert {tool.name for tool in tools if tool.output_schema is None} == {"check_photos", "generate_photos"}
    for tool in tools:
        if tool.output_schema is None:
            continue  # Its results have images, beside which some hosts show no structured content, or only that.
        assert tool.output_schema["type"] == "object", tool.name
        assert "next_step" in tool.output_schema["properties"], tool.name
        reaches_the_service = tool.annotations is not None and tool.annotations.open_world_hint
        assert ("sandbox" in tool.output_schema["properties"]) is reaches_the_service, tool.name
    status = next(tool for tool in tools if tool.name == "get_training_status")
    assert status.output_schema is not None
    assert {"type": "null"} in status.output_schema["properties"]["trigger_word"]["anyOf"]


async def test_the_instructions_say_what_cannot_be_done_and_who_decides(session: Session) -> None:
    words = session.client.instructions or ""
    assert "cannot be cancelled" in words
    assert "unconfirmed" in words
    assert "do not decide for them" in words
    assert len(words) < 2_000


async def test_every_tool_rejects_an_unknown_argument_by_name_and_lists_its_arguments(
    session: Session, tools: list[Tool]
) -> None:
    for tool in tools:
        message = await session.refusal(tool.name, colour="canary-red")
        assert message.startswith("Not an argument of this tool: colour. Nothing was done."), tool.name
        assert "canary" not in message
        for name in _parameters(tool):
            assert name in message, tool.name
    assert session.requests() == 0


async def test_every_tool_names_each_missing_argument_whether_absent_or_null(
    session: Session, tools: list[Tool]
) -> None:
    for tool in tools:
        required = tool.input_schema.get("required", ())
        for given in ({}, dict.fromkeys(required)) if required else ():
            message = await session.refusal(tool.name, **given)
            for name in required:
                assert f"{name} is missing." in message, tool.name
    assert session.requests() == 0
