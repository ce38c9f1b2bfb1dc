"""Asking the user before money is spent, where the client can ask: once, with the price.

In the 2025 protocols the question is asked in the middle of the call; in the 2026 one the call is answered
with the question and comes again with the answer, which counts for that very wording only. A client that did
not declare that it can ask is served without the question.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from apiframe_tools.results.trainings import SANDBOX_WORDS, counted

log = logging.getLogger(__name__)


class Agreement(BaseModel):
    """What the user is asked to fill in."""

    agreed: bool = Field(title="Go ahead and pay", description="Choosing no sends nothing and costs nothing")


Answered = ElicitationResult[Agreement]
COULD_NOT_ASK: Final = (
    "The user could not be asked: this client gave no usable answer to the question, so nothing was sent and nothing "
    "was paid. Next: call it again. If it goes on, the user can set APIFRAME_CONFIRM_SPENDING to never, which asks no "
    "question, and restart this server."
)
RESOLVER_WORDS: Final = "Resolver '"
"""How the SDK begins its own error about an answer that it cannot use."""
MAY_PAY: Final = Agreement(agreed=True)
"""The question is not asked in this setting or client: the call may pay."""
CODE_LETTERS: Final = 8
NOTHING_TO_PAY: Final = Agreement(agreed=False)
"""Nobody was asked, since nothing is to be paid: the call returns what there is, and must not pay."""


def can_ask(ctx: Context[Any, Any]) -> bool:
    """Whether this client declared that it can show the user a form."""
    declared = ctx.client_capabilities
    asking = None if declared is None else declared.elicitation
    return asking is not None and (asking.form is not None or asking.url is None)


def asked_first(
    tool: Callable[..., Any], ask: Callable[..., Awaitable[Agreement | Elicit[Agreement]]]
) -> None:
    """Have `ask` run before a tool, which takes the outcome as its parameter `answered`.

    Set here because `ask` belongs to one studio, and annotations as text are read in the module only.
    """
    tool.__annotations__["answered"] = Annotated[Answered, Resolve(ask)]


def checked_first(
    tool: Callable[..., Any],
    check: Callable[..., Awaitable[Any]],
    ask: Callable[..., Awaitable[Agreement | Elicit[Agreement]]],
) -> None:
    """As `asked_first`, but `check` runs before both: what it returns is their parameter `ready`."""
    for later in (ask, tool):
        later.__annotations__["ready"] = Annotated[Any, Resolve(check)]
    asked_first(tool, ask)


def question(words: str | None, *, sandbox: bool) -> Agreement | Elicit[Agreement]:
    """The question to ask, or that nothing is to be paid when there are no words for one.

    In the 2026 protocol an answer counts for its very wording, and the words are made again when it comes: they
    name the set by its code, and nothing in them may change meanwhile (a balance, a time, a counter).
    """
    if words is None:
        return NOTHING_TO_PAY
    return Elicit(f"{SANDBOX_WORDS} {words}" if sandbox else words, Agreement)


def set_in_words(photos: int, subject: str | None, fingerprint: str | None) -> str:
    """How a question names a set: the photos, whose they are, and a short code of exactly this set."""
    of = f" of {subject}" if subject else ""
    code = f" (set {fingerprint[:CODE_LETTERS]})" if fingerprint else ""
    return f"{counted(photos, 'photo')}{of}{code}"


async def words_or_none(words: Awaitable[str | None]) -> str | None:
    """The words of a question. A fault while they are looked up does not end the call, which must not pay then."""
    try:
        return await words
    except Exception as fault:
        # The call itself meets the same fault in its own words, or returns what there is.
        log.info("The user was not asked: %r", fault)
        return None


def may_pay(answered: Answered) -> bool:
    """Whether the call may pay. Raises ToolError when the user did not agree."""
    if isinstance(answered, AcceptedElicitation) and (
        answered.data is NOTHING_TO_PAY or answered.data.agreed
    ):
        return answered.data.agreed
    raise ToolError(
        "The user was asked and did not agree, so nothing was sent and nothing was paid. Ask what they want."
    )
