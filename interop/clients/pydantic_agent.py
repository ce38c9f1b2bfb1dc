"""pydantic-ai with its FunctionModel: the agent's model is replaced by the list of calls."""

from __future__ import annotations

import asyncio
from typing import Any

from lines import SERVER, answer, asked
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


async def say(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    """One call, or the end."""
    for part in messages[-1].parts:
        if isinstance(part, ToolReturnPart):
            shown = part.model_response_str()
            structured = part.content if isinstance(part.content, dict) else None
            # This is how it gives a tool's error to the model.
            answer(shown, structured, shown.startswith('{"error":'))
        elif isinstance(part, RetryPromptPart):
            answer(part.model_response(), None, True)
    wanted = await asked()
    return ModelResponse(parts=[ToolCallPart(*wanted) if wanted else TextPart("done")])


async def main() -> None:
    """Run one agent through all the calls."""
    toolset: Any = MCPToolset(FastMCPClient({"mcpServers": {"photos": SERVER}}))
    agent = Agent(FunctionModel(say), toolsets=[toolset])
    async with agent:
        await agent.run("begin")


asyncio.run(main())
