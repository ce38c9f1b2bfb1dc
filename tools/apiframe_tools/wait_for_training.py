"""wait_for_training: wait up to 45 seconds, with progress notifications."""

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

Seconds = Annotated[int, Field(ge=1, le=MAX_WAIT_SECONDS, description="Maximum seconds to wait")]


async def wait_for_training(
    task_id: TaskName | None = None,
    subject: OfSubject | None = None,
    max_wait_seconds: Seconds = MAX_WAIT_SECONDS,
    *,
    studio: RequestStudio,
    on_progress: Progress,
) -> TrainingStatus:
    """Wait up to 45 seconds for a training to finish or fail, with progress notifications.

    Takes task_id or subject; same result as get_training_status. Trainings take many minutes, so "still running"
    is a normal result. Free.
    """
    require_one_name(task_id, subject)

    async def report(training: Training) -> None:
        await on_progress(training.percentage or 0.0, 100.0, f"Training is {STATUS[training.state]}")

    seconds = float(max_wait_seconds)
    if task_id:
        training = await studio.trainings.wait(task_id, seconds, report)
    else:
        training = await studio.trainings.wait_for_subject(subject or "", seconds, report)
    return TrainingStatus.of(training, studio)
