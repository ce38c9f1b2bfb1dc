"""forget_subject: remove everything about a subject, after the user has agreed."""

from __future__ import annotations

from typing import Annotated, Any, Final

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from apiframe_studio.errors import UnknownSubject
from apiframe_studio.forgetting import Known
from apiframe_studio.studio import Studio
from apiframe_studio.subjects import subject_key
from apiframe_tools.mcp.confirmation import can_ask
from apiframe_tools.mcp.parameters import ConfirmedName, Subject
from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results.erasure import SubjectForgotten
from apiframe_tools.wording.erasure import describe_known


class ForgetConfirmation(BaseModel):
    """What the user is asked to fill in."""

    agreed: bool = Field(title="Remove it", description="This cannot be undone")


_NOT_ASKED: Final = ForgetConfirmation(agreed=False)
"""The user cannot be asked, and the name was not repeated."""


async def _find(studio: RequestStudio, subject: str) -> Known:
    return await studio.find_subject(subject)


async def _confirm(
    ctx: Context[Any, Any],
    studio: RequestStudio,
    known: Annotated[Known, Resolve(_find)],
    subject: str,
    confirm: str | None,
) -> ForgetConfirmation | Elicit[ForgetConfirmation]:
    if not known or not can_ask(ctx):
        is_repeated = confirm is not None and subject_key(confirm) == subject_key(subject)
        return ForgetConfirmation(agreed=True) if is_repeated else _NOT_ASKED
    return Elicit("\n".join(_list_known(known, subject, studio)), ForgetConfirmation)


async def forget_subject(
    subject: Subject,
    confirm: ConfirmedName | None = None,
    *,
    studio: RequestStudio,
    known: Annotated[Known, Resolve(_find)],
    confirmation: Annotated[ElicitationResult[ForgetConfirmation], Resolve(_confirm)],
) -> SubjectForgotten:
    """Remove a subject: name, trigger words, prompts, prepared photos and images on this machine{prices.forgetting}.

    Free; cannot be undone. Without confirm it lists what would go, and removes nothing. The user's own photos stay.
    """
    if not known:
        raise UnknownSubject
    answer = confirmation.data if isinstance(confirmation, AcceptedElicitation) else None
    if answer is _NOT_ASKED:
        return SubjectForgotten.not_confirmed(subject, _list_known(known, subject, studio), studio)
    if answer is None or not answer.agreed:
        raise ToolError("The user was asked and did not agree, so nothing was removed.")
    erased, deleted = await studio.forget(subject)
    return SubjectForgotten.of(erased, deleted, studio)


def _list_known(known: Known, subject: str, studio: Studio) -> list[str]:
    return describe_known(known, subject, sandbox=studio.is_sandbox)
