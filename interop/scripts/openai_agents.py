"""openai-agents with strict schemas: the agent's model is replaced by the list of calls.

Such an agent sends every argument of a tool; absent ones arrive as null or as an empty string.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agents import Agent, ModelResponse, RunConfig, Runner, Usage
from agents.mcp import MCPServerStdio
from agents.models.interface import Model
from lines import SERVER, read_call, texts, write_result
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText


class Calls(Model):
    """Returns the next call instead of a model's response."""

    def __init__(self) -> None:
        self._made = 0

    async def get_response(self, **given: Any) -> ModelResponse:  # type: ignore[override]
        """Return one call with every argument of its strict schema, or the end."""
        if self._made:
            write_result(*_shown_result(given["input"][-1]))
        wanted = await read_call()
        output = self._call(*wanted, tools=given["tools"]) if wanted else _done()
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def _call(self, tool: str, arguments: dict[str, Any], tools: list[Any]) -> ResponseFunctionToolCall:
        schema = next(one for one in tools if one.name == tool).params_json_schema
        every = {name: arguments.get(name, _absent(part)) for name, part in schema["properties"].items()}
        self._made += 1
        return ResponseFunctionToolCall(
            type="function_call", name=tool, call_id=str(self._made), arguments=json.dumps(every)
        )

    def stream_response(self, *_: Any, **__: Any) -> Any:
        """Not used."""
        raise NotImplementedError


def _absent(part: dict[str, Any]) -> Any:
    return "" if part.get("type") == "string" and "enum" not in part else part.get("default")


def _shown_result(item: dict[str, Any]) -> tuple[str, Any, bool]:
    output = item["output"]
    text = output if isinstance(output, str) else texts(output)
    return text, None, False


def _done() -> ResponseOutputMessage:
    text = ResponseOutputText(type="output_text", text="done", annotations=[])
    return ResponseOutputMessage(
        id="end", type="message", role="assistant", status="completed", content=[text]
    )


async def main() -> None:
    """Run one agent through all the calls."""
    # The default of five seconds for a call is shorter than a wait.
    async with MCPServerStdio(SERVER, client_session_timeout_seconds=60) as server:
        agent = Agent(
            name="photos",
            model=Calls(),
            mcp_servers=[server],
            mcp_config={"convert_schemas_to_strict": True},
        )
        await Runner.run(agent, "begin", max_turns=50, run_config=RunConfig(tracing_disabled=True))


asyncio.run(main())
