"""The clients to test, with their versions and ways of connecting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class ClientSpec:
    """One client with one way of connecting.

    `packages` are pinned requirements for pip, or for npm if `script` is JavaScript. The ways of one client share its
    environment.
    """

    client: str
    version: str
    way: str
    script: str
    packages: tuple[str, ...]
    argument: str = ""
    shows_structured: bool = True
    marks_errors: bool = True
    shows_images: bool = False

    @property
    def environment(self) -> str:
        """The name of the environment's folder."""
        return self.script.partition(".")[0]


_TYPESCRIPT_1 = "@modelcontextprotocol/sdk"
_TYPESCRIPT_2 = "@modelcontextprotocol/client"

CLIENTS: Final = (
    ClientSpec("Python SDK", "2.3.0", "2026-07-28", "python_sdk.py", ("mcp==2.3.0",), "auto"),
    ClientSpec("Python SDK", "2.3.0", "2025-11-25", "python_sdk.py", ("mcp==2.3.0",), "legacy"),
    ClientSpec(
        "TypeScript SDK",
        "1.32.2",
        "2025-11-25",
        "typescript_sdk_1.mjs",
        (f"{_TYPESCRIPT_1}@1.32.2", "zod@4.6.0"),
    ),
    ClientSpec(
        "TypeScript client",
        "2.4.0",
        "2026-07-28",
        "typescript_client_2.mjs",
        (f"{_TYPESCRIPT_2}@2.4.0",),
        "auto",
    ),
    ClientSpec(
        "TypeScript client",
        "2.4.0",
        "2025-11-25",
        "typescript_client_2.mjs",
        (f"{_TYPESCRIPT_2}@2.4.0",),
        "legacy",
    ),
    ClientSpec(
        "langchain-mcp-adapters",
        "0.3.2",
        "a new server for every call",
        "langchain_adapters.py",
        ("langchain-mcp-adapters==0.3.2",),
    ),
    ClientSpec(
        "openai-agents",
        "0.24.0",
        "strict schemas, every argument filled",
        "openai_agents.py",
        ("openai-agents==0.24.0",),
        shows_structured=False,
        marks_errors=False,
    ),
    ClientSpec(
        "pydantic-ai", "2.66.0", "FunctionModel", "pydantic_agent.py", ("pydantic-ai-slim[mcp]==2.66.0",)
    ),
    ClientSpec(
        "FastMCP client", "4.2.1", "one connection", "fastmcp_client.py", ("fastmcp-slim[client]==4.2.1",)
    ),
    ClientSpec("mcp-use", "1.7.1", "one connection", "mcp_use_client.py", ("mcp-use==1.7.1",)),
    ClientSpec(
        "mcporter",
        "0.12.3",
        "command line, a new server for every call",
        "mcporter_command.mjs",
        ("mcporter@0.12.3",),
    ),
    ClientSpec(
        "A host that prefers structured content",
        "Python SDK 2.3.0",
        "2025-11-25",
        "chat_host.py",
        ("mcp==2.3.0",),
        "structured",
        shows_images=True,
    ),
    ClientSpec(
        "A host that shows text only",
        "Python SDK 2.3.0",
        "2025-11-25",
        "chat_host.py",
        ("mcp==2.3.0",),
        "text",
        shows_structured=False,
    ),
)
