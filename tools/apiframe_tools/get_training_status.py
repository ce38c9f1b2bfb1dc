"""The tool that looks once."""

from __future__ import annotations

from apiframe_studio.studio import Studio
from apiframe_tools import reporting
from apiframe_tools.annotations import LOOKS
from apiframe_tools.arguments import TaskName
from apiframe_tools.results import TrainingStatus
from apiframe_tools.studio_tool import StudioTool


def make(studio: Studio) -> StudioTool:
    """The tool on this studio."""

    async def get_training_status(task_id: TaskName) -> TrainingStatus:
        """Look once at a training: status, percentage, time left and, when finished, the trigger word.

        Free and quick. Takes the task_id or ref that start_training gave, days later too, or the task_id of a training
        made elsewhere. To follow one that runs, wait_for_training saves calls; list_trainings finds a forgotten id.
        """
        return reporting.status(await studio.trainings.look(task_id), sandbox=studio.is_sandbox)

    return StudioTool.of(get_training_status, title="Look at a training", annotations=LOOKS)
