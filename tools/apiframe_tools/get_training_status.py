"""get_training_status: one status check."""

from __future__ import annotations

from apiframe_tools.mcp.parameters import OfSubject, TaskName, require_one_name
from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results.trainings import TrainingStatus


async def get_training_status(
    task_id: TaskName | None = None, subject: OfSubject | None = None, *, studio: RequestStudio
) -> TrainingStatus:
    """Check a training once: status, progress, time left and, when finished, the trigger word.

    Free. Takes a task_id (also days later, or of a training made elsewhere), or a subject for its newest
    training. The result says when to look again.
    """
    require_one_name(task_id, subject)
    trainings = studio.trainings
    found = await (trainings.check(task_id) if task_id else trainings.check_subject(subject or ""))
    return TrainingStatus.of(found, studio)
