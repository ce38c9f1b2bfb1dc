"""resolve_training: record what the user decided about a request."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from apiframe_studio.reconciler import Decision
from apiframe_tools.mcp.parameters import TaskId, clean_subject
from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results.trainings import TrainingStatus

Ref = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    AfterValidator(clean_subject),
    Field(description="ref of the request, or a subject's name for a training made elsewhere"),
]
UserDecision = Annotated[
    Literal["accepted", "send_again", "give_up"], Field(description="What the user said")
]


async def resolve_training(
    ref: Ref, decision: UserDecision, task_id: TaskId | None = None, *, studio: RequestStudio
) -> TrainingStatus:
    """Record the user's decision about an unconfirmed or lost request; never guess it.

    accepted: Apiframe shows it (pass its task_id). send_again: it does not; the next call resubmits and
    pays. give_up: drop it. To import a training made elsewhere: accepted, its task_id, and a name as ref. Free.
    """
    training = await studio.trainings.resolve(ref, Decision(decision), task_id)
    return TrainingStatus.of(training, studio)
