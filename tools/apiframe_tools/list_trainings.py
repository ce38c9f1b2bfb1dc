"""list_trainings: every training of this ledger."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from apiframe_tools.mcp.parameters import Cursor, Limit, Subject
from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results.trainings import TrainingList
from apiframe_tools.wording.phrases import STATUS, Status

StatusFilter = Annotated[Status, Field(description="Only those with this status")]


async def list_trainings(
    subject: Subject | None = None,
    status: StatusFilter | None = None,
    limit: Limit = 20,
    cursor: Cursor | None = None,
    *,
    studio: RequestStudio,
) -> TrainingList:
    """List the trainings started from here, newest first, with subject, status and trigger word.

    Use it to find a training or trigger word in a new chat, or requests that are open or unconfirmed. Free;
    refreshes running trainings.
    """
    states = None if status is None else frozenset(state for state, word in STATUS.items() if word == status)
    page = await studio.trainings.list(subject=subject, status=states, limit=limit, cursor=cursor)
    is_filtered = subject is not None or status is not None
    return TrainingList.of(page, studio, is_filtered=is_filtered)
