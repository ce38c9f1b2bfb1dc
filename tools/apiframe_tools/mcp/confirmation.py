"""Asking the user before money is spent, where the client can ask: once, with the price.

In the 2025 protocols the question is asked in the middle of the call; in the 2026 one the call is answered
with the question and comes again with the answer, which counts for that very wording only. A client that did
not declare that it can ask is served without the question.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

import anyio
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from apiframe_studio.api.errors import ApiframeError
from apiframe_studio.studio import Studio
from apiframe_tools.wording.phrases import SANDBOX_NOTE, pluralize

log = logging.getLogger(__name__)


class SpendConfirmation(BaseModel):
    """What the user is asked to fill in."""

    agreed: bool = Field(title="Go ahead and pay", description="Choosing no sends nothing and costs nothing")


Confirmation = ElicitationResult[SpendConfirmation]
Question: TypeAlias = SpendConfirmation | Elicit[SpendConfirmation]
COULD_NOT_ASK: Final = (
    "The user could not be asked: this client gave no usable answer to the question, so nothing was sent and nothing "
    "was paid. Next: call it again. If it goes on, the user can set APIFRAME_CONFIRM_SPENDING to never, which asks no "
    "question, and restart this server."
)
RESOLVER_PREFIX: Final = "Resolver '"
"""How the SDK begins its own error about an answer that it cannot use."""
CONFIRMED: Final = SpendConfirmation(agreed=True)
"""The question is not asked in this setting or client: the call may pay."""
NOTHING_TO_PAY: Final = SpendConfirmation(agreed=False)
"""There was nothing to ask, since nothing is to be paid: the call returns what there is, and must not pay."""
CODE_LENGTH: Final = 8
MAX_BALANCE_SECONDS: Final = 2.0


async def confirm_spending(
    ctx: Context[Any, Any], studio: Studio, question: Callable[[], Awaitable[str | None]]
) -> Question:
    """What a tool's resolver returns: the question to ask, or that none is needed.

    `question` returns None when nothing is to be paid. In the 2026 protocol an answer counts for its very wording,
    and the question is made again when the answer comes: it names the set by its code, and nothing in it may change
    meanwhile (a balance, a time, a counter). An error while it is made does not end the call, which must not pay then.
    """
    if not (studio.asks_before_spending and _can_ask(ctx)):
        return CONFIRMED
    try:
        text = await question()
    except Exception as error:
        # The tool itself meets the same error and reports it, or returns what there is.
        log.info("The user was not asked: %r", error)
        return NOTHING_TO_PAY
    if text is None:
        return NOTHING_TO_PAY
    return Elicit(f"{SANDBOX_NOTE} {text}" if studio.is_sandbox else text, SpendConfirmation)


def may_pay(confirmation: Confirmation) -> bool:
    """Whether the call may pay. Raises ToolError when the user did not agree."""
    if isinstance(confirmation, AcceptedElicitation) and (
        confirmation.data is NOTHING_TO_PAY or confirmation.data.agreed
    ):
        return confirmation.data.agreed
    raise ToolError(
        "The user was asked and did not agree, so nothing was sent and nothing was paid. Ask what they want."
    )


def name_set(photos: int, subject: str | None, fingerprint: str | None) -> str:
    """How a question names a set: the photos, whose they are, and a short code of exactly this set."""
    of = f" of {subject}" if subject else ""
    code = f" (set {fingerprint[:CODE_LENGTH]})" if fingerprint else ""
    return f"{pluralize(photos, 'photo')}{of}{code}"


async def credits_left(studio: Studio) -> float | None:
    """Credits on the account after a payment, or None when the service does not respond within a moment. Free."""
    with anyio.move_on_after(MAX_BALANCE_SECONDS), suppress(ApiframeError):
        return (await studio.account()).credits
    return None


def _can_ask(ctx: Context[Any, Any]) -> bool:
    """Whether this client declared that it can show the user a form."""
    declared = ctx.client_capabilities
    asking = None if declared is None else declared.elicitation
    return asking is not None and (asking.form is not None or asking.url is None)
