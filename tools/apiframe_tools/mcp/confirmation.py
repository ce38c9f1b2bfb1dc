"""Ask the user before money is spent, with the price, where the client supports it.

The 2025 protocols ask in the middle of the call. In the 2026 protocol the question is the result of the call, which
comes again with the answer; the answer counts only for exactly that wording. Clients that do not declare elicitation
are not asked.
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
from apiframe_studio.ledger.errors import PriceAboveLimit
from apiframe_studio.studio import Studio
from apiframe_studio.studio_error import StudioError
from apiframe_tools.wording.phrases import SANDBOX_NOTE, pluralize

log = logging.getLogger(__name__)


class SpendConfirmation(BaseModel):
    """What the user is asked to fill in."""

    agreed: bool = Field(title="Go ahead and pay", description="If you choose no, nothing is sent or charged")


Confirmation = ElicitationResult[SpendConfirmation]
Confirming: TypeAlias = SpendConfirmation | Elicit[SpendConfirmation]
COULD_NOT_ASK: Final = (
    "The user could not be asked: the client returned no usable answer, so nothing was sent, paid or removed. Next: "
    "call the tool again. If this keeps happening, the user can set APIFRAME_CONFIRM_SPENDING to never, which turns "
    "questions about money off, and restart this server."
)
RESOLVER_PREFIX: Final = "Resolver '"
"""How the SDK's error about an unusable answer begins."""
CONFIRMED: Final = SpendConfirmation(agreed=True)
"""This setting or client does not ask: the call may pay."""
NOTHING_TO_PAY: Final = SpendConfirmation(agreed=False)
"""Nothing to pay, so nothing to ask: the call returns what exists and must not pay."""
NOT_ASKED: Final = SpendConfirmation(agreed=False)
"""The user cannot be asked, and no amount was agreed: the call must not pay, and returns the price."""
CODE_LENGTH: Final = 8
MAX_BALANCE_SECONDS: Final = 2.0


async def confirm_spending(
    ctx: Context[Any, Any],
    studio: Studio,
    question: Callable[[], Awaitable[str | None]],
    max_credits: float | None,
    *,
    asks: frozenset[str] = frozenset({"ask", "always"}),
) -> Confirming:
    """Return the question to ask, or that none is needed; for the resolver of a paid tool.

    `asks` are the settings of APIFRAME_CONFIRM_SPENDING under which this tool asks. Where the client cannot ask,
    `max_credits` is what the user agreed to: it comes from the model, so it never replaces a question.

    `question` returns None when nothing is to be paid. In the 2026 protocol the question is made again when the answer
    comes, and must be the same to the letter: it names the set by its code and contains nothing that may change
    meanwhile (a balance, a time, a counter). An error in `question` does not end the call, which then must not pay.
    """
    setting = studio.config.confirm_spending
    if setting not in asks or not can_ask(ctx):
        return NOT_ASKED if setting == "always" and max_credits is None else CONFIRMED
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
        confirmation.data is NOTHING_TO_PAY or confirmation.data is NOT_ASKED or confirmation.data.agreed
    ):
        return confirmation.data.agreed
    raise ToolError(
        "The user was asked and did not agree, so nothing was sent or paid. Ask what they want to do instead."
    )


def is_quoted(confirmation: Confirmation, refused: StudioError) -> bool:
    """Whether a call that was refused is answered with its price, rather than with an error."""
    was_not_asked = isinstance(confirmation, AcceptedElicitation) and confirmation.data is NOT_ASKED
    return was_not_asked or isinstance(refused, PriceAboveLimit)


def name_set(photos: int, subject: str | None, fingerprint: str | None) -> str:
    """A set as a question names it: number of photos, subject, and a short code of exactly this set."""
    of = f" of {subject}" if subject else ""
    code = f" (set {fingerprint[:CODE_LENGTH]})" if fingerprint else ""
    return f"{pluralize(photos, 'photo')}{of}{code}"


async def credits_left(studio: Studio, task_id: str | None, *, deduplicated: bool) -> float | None:
    """Credits left after a payment; None when there was none. Free."""
    return None if task_id is None or deduplicated else await read_balance(studio)


async def read_balance(studio: Studio) -> float | None:
    """The credits of the account; None when there is no response within MAX_BALANCE_SECONDS. Free."""
    with anyio.move_on_after(MAX_BALANCE_SECONDS), suppress(ApiframeError):
        return (await studio.account()).credits
    return None


def can_ask(ctx: Context[Any, Any]) -> bool:
    """Whether this client declared that it can show the user a form."""
    declared = ctx.client_capabilities
    asking = None if declared is None else declared.elicitation
    return asking is not None and (asking.form is not None or asking.url is None)
