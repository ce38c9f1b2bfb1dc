"""The tool that waits a little, with progress."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from apiframe_studio.training import Training
from apiframe_tools.mcp.parameters import OfSubject, TaskName, require_one_name
from apiframe_tools.mcp.request import Progress, RequestStudio
from apiframe_tools.results.trainings import TrainingStatus
from apiframe_tools.wording.phrases import STATUS

MAX_WAIT_SECONDS: Final = 45
"""Clients give up after about 60 seconds."""

Seconds = Annotated[int, Field(ge=1, le=MAX_WAIT_SECONDS, description="Seconds to wait at most")]


async def wait_for_training(
    task_id: TaskName | None = None,
    subject: OfSubject | None = None,
    max_wait_seconds: Seconds = MAX_WAIT_SECONDS,
    *,
    studio: RequestStudio,
    on_progress: Progress,
) -> TrainingStatus:
    """Wait until a training is finished or failed, at most 45 seconds, reporting progress on the way.

    Takes task_id or subject; same result as get_training_status. Still running at the end is a normal result: a
    training takes many minutes. Free.
    """
    require_one_name(task_id, subject)

    async def report(training: Training) -> None:
        await on_progress(training.percentage or 0.0, 100.0, f"Training is {STATUS[training.state]}")

    seconds = float(max_wait_seconds)
    if task_id:
        training = await studio.trainings.wait(task_id, seconds, report)
    else:
        training = await studio.trainings.wait_for_subject(subject or "", seconds, report)
    return TrainingStatus.of(training, sandbox=studio.is_sandbox)
