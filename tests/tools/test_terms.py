"""The schema, the texts and the validation of a tool follow the terms of the current provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any

import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.server.mcpserver import Resolve
from mcp.types import TextContent
from pydantic import BaseModel, Field

from apiframe_studio.api.provider import Terms
from apiframe_studio.api.v1.terms import V1_TERMS
from apiframe_tools.mcp.schema import FromTerms, one_of
from apiframe_tools.mcp.tool import LOCAL_READ, StudioTool

# The tool of these tests takes a gender for a colour, and at most as many as may be trained at once.
FEW = replace(V1_TERMS, image_credits=2.0, genders=("red", "green"), trainings_at_once=3)
OTHER = replace(V1_TERMS, image_credits=7.0, genders=("blue",), trainings_at_once=None)


def _limit_number(terms: Terms) -> Any:
    most = terms.trainings_at_once
    return None if most is None else Annotated[int, Field(ge=1, le=most)]


class Painted(BaseModel):
    """The arguments of the call."""

    colour: str
    number: int | None
    seen_by_resolver: int | None

    def __str__(self) -> str:
        return f"{self.colour} {self.number} {self.seen_by_resolver}"


async def _number_seen(number: int | None) -> int | None:
    return number


async def paint(
    colour: Annotated[str, FromTerms(lambda terms: one_of(terms.genders)), Field(description="Which")],
    number: Annotated[
        int,
        FromTerms(_limit_number),
        Field(description="How many"),
    ]
    | None = None,
    *,
    seen: Annotated[int | None, Resolve(_number_seen)],
) -> Painted:
    """Paint, for {terms.image_credits:g} credits."""
    return Painted(colour=colour, number=number, seen_by_resolver=seen)


@asynccontextmanager
async def _painter(terms: Terms, era: Any) -> AsyncGenerator[Client]:
    server: MCPServer[Any] = MCPServer("t", tools=[StudioTool.of(paint, "Paint", LOCAL_READ, terms)])
    async with Client(server, mode=era) as client:
        yield client


async def _text(client: Client, **arguments: object) -> str:
    result = await client.call_tool("paint", arguments)
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_schema_and_description_follow_the_terms(era: str) -> None:
    async with _painter(FEW, era) as few, _painter(OTHER, era) as other:
        one, two = (await few.list_tools()).tools[0], (await other.list_tools()).tools[0]
    assert one.description == "Paint, for 2 credits."
    assert two.description == "Paint, for 7 credits."
    assert one.input_schema == {
        "type": "object",
        "properties": {
            "colour": {"type": "string", "enum": ["red", "green"], "description": "Which"},
            "number": {"type": "integer", "minimum": 1, "maximum": 3, "description": "How many"},
        },
        "required": ["colour"],
        "additionalProperties": False,
    }
    assert two.input_schema["properties"] == {
        "colour": {"type": "string", "const": "blue", "description": "Which"}
    }


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_only_what_the_terms_allow_is_accepted(era: str) -> None:
    async with _painter(FEW, era) as few, _painter(OTHER, era) as other:
        assert await _text(few, colour="green", number=3) == "green 3 3"
        assert "colour must be one of 'red' or 'green'." in await _text(few, colour="blue")
        assert "number must be at most 3." in await _text(few, colour="red", number=4)
        assert "colour must be one of 'blue'." in await _text(other, colour="red")


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_parameter_missing_in_the_terms_is_rejected_and_has_its_default_in_tool_and_resolver(
    era: str,
) -> None:
    async with _painter(OTHER, era) as other:
        assert await _text(other, colour="blue") == "blue None None"
        refused = await _text(other, colour="blue", number=1)
    assert (
        refused == "Not an argument of this tool: number. Nothing was done. paint takes: colour (required)."
    )
