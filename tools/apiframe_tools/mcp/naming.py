"""Which training a call means: the one with a task_id, or a subject's newest."""

from __future__ import annotations

from mcp.server.mcpserver.exceptions import ToolError


def name_one(task_id: str | None, subject: str | None) -> None:
    """Raises ToolError unless a call names its training in exactly one way."""
    if (task_id is None) == (subject is None):
        raise ToolError("Name the training with either task_id or subject. list_trainings shows both.")
