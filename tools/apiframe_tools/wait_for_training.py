"""The tool that waits a little, with progress."""

from __future__ import annotations

from typing import Annotated, Any, Final

from mcp.server.mcpserver import Context
from pydantic import Field

from apiframe_studio.studio import Studio
from apiframe_studio.training import Training
from apiframe_tools.mcp.annotations import LOOKS
from apiframe_tools.mcp.naming import name_one
from apiframe_tools.mcp.parameters import OfSubject, TaskName
from apiframe_tools.mcp.tool import StudioTool
from apiframe_tools.results import reporting
from apiframe_tools.results.trainings import TrainingStatus
from apiframe_tools.wording.next_steps import STATUS

LONGEST_WAIT_SECONDS: Final = 45
"""Clients give up after about 60 seconds."""

Seconds = Annotated[int, Field(ge=1, le=LONGEST_WAIT_SECONDS, description="Seconds to wait at most")]


def make(studio: Studio) -> StudioTool:
    """The tool on this studio."""

    async def wait_for_training(
        ctx: Context[Any, Any],
        task_id: TaskName | None = None,
        subject: OfSubject | None = None,
        max_wait_seconds: Seconds = LONGEST_WAIT_SECONDS,
    ) -> TrainingStatus:
        """Wait until a training is finished or failed, at most 45 seconds, reporting progress on the way.

        Takes task_id or subject; same result as get_training_status. Still running at the end is a normal result: a
        training takes many minutes. Free.
        """
        name_one(task_id, subject)

        async def tell(training: Training) -> None:
            await ctx.report_progress(
                training.percentage or 0.0, 100.0, f"Training is {STATUS[training.state]}"
            )

        seconds = float(max_wait_seconds)
        if task_id:
            training = await studio.trainings.wait(task_id, seconds, tell)
        else:
            training = await studio.trainings.wait_for_subject(subject or "", seconds, tell)
        return reporting.status(training, sandbox=studio.is_sandbox)

    return StudioTool.of(wait_for_training, title="Wait for a training", annotations=LOOKS)
