"""Asking the person before money is spent, where the client can ask: once, with the price.

In the 2025 protocols the question is asked in the middle of the call; in the 2026 one the call is answered
with the question and comes again with the answer. A client that did not declare that it can ask is served
without the question.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field


class Agreement(BaseModel):
    """What the person is asked to fill in."""

    agreed: bool = Field(title="Go ahead and pay", description="No sends nothing and costs nothing")


Answered = ElicitationResult[Agreement]
YES: Final = Agreement(agreed=True)


def can_ask(ctx: Context[Any, Any]) -> bool:
    """Whether this client declared that it can show the person a form."""
    declared = ctx.client_capabilities
    return declared is not None and declared.elicitation is not None


def asked_first(
    tool: Callable[..., Any], ask: Callable[..., Awaitable[Agreement | Elicit[Agreement]]]
) -> None:
    """Have `ask` run before a tool, which takes the outcome as its parameter `answered`.

    Set here because `ask` belongs to one studio, and annotations as text are read in the module only.
    """
    tool.__annotations__["answered"] = Annotated[Answered, Resolve(ask)]


def must_be_yes(answered: Answered) -> None:
    """Raises ToolError when the person did not agree."""
    if isinstance(answered, AcceptedElicitation) and answered.data.agreed:
        return
    raise ToolError(
        "The person was asked and did not agree, so nothing was sent and nothing was paid. Ask what they want."
    )
