"""The tool that looks once."""

from __future__ import annotations

from apiframe_studio.studio import Studio
from apiframe_tools.mcp.annotations import LOOKS
from apiframe_tools.mcp.naming import name_one
from apiframe_tools.mcp.parameters import OfSubject, TaskName
from apiframe_tools.mcp.tool import StudioTool
from apiframe_tools.results import reporting
from apiframe_tools.results.trainings import TrainingStatus


def make(studio: Studio) -> StudioTool:
    """The tool on this studio."""

    async def get_training_status(
        task_id: TaskName | None = None, subject: OfSubject | None = None
    ) -> TrainingStatus:
        """Look once at a training: status, percentage, time left and, when finished, the trigger word.

        Free. Takes a task_id (also days later, or of a training made elsewhere), or a subject for its newest training.
        To follow one that runs, wait_for_training saves calls.
        """
        name_one(task_id, subject)
        trainings = studio.trainings
        found = await (trainings.look(task_id) if task_id else trainings.look_at_subject(subject or ""))
        return reporting.status(found, sandbox=studio.is_sandbox)

    return StudioTool.of(get_training_status, title="Look at a training", annotations=LOOKS)
