"""pydantic-ai with its FunctionModel: the agent's model is replaced by the list of calls."""

from __future__ import annotations

import asyncio
from typing import Any

from lines import SERVER, read_call, write_result
from pydantic_ai import Agent
from pydantic_ai.mcp import FastMCPClient, MCPToolset
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    RetryPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel


async def next_response(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    """Return one call, or the end."""
    for part in messages[-1].parts:
        if isinstance(part, ToolReturnPart):
            shown = part.model_response_str()
            structured = part.content if isinstance(part.content, dict) else None
            # This is the form in which it passes a tool's error to the model.
            write_result(shown, structured, shown.startswith('{"error":'))
        elif isinstance(part, RetryPromptPart):
            write_result(part.model_response(), None, True)
    wanted = await read_call()
    return ModelResponse(parts=[ToolCallPart(*wanted) if wanted else TextPart("done")])


async def main() -> None:
    """Run one agent through all the calls."""
    toolset: Any = MCPToolset(FastMCPClient({"mcpServers": {"photos": SERVER}}))
    agent = Agent(FunctionModel(next_response), toolsets=[toolset])
    async with agent:
        await agent.run("begin")


asyncio.run(main())
