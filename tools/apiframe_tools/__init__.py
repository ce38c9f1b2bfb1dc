"""What an assistant may ask for: one module a tool, typed in and out."""

from __future__ import annotations

from typing import Any, Final

from apiframe_tools import (
    check_photos,
    generate_photos,
    get_account,
    get_training_status,
    list_trainings,
    prepare_photos,
    resolve_training,
    start_training,
    wait_for_training,
)
from apiframe_tools.mcp.tool import DECISION, LOCAL_READ, PAID, REMOTE_READ, StudioTool
from apiframe_tools.prompts import add_prompts
from apiframe_tools.resources import add_resources
from apiframe_tools.wording.instructions import instructions

_TOOLS: Final = (
    (start_training.start_training, "Start a training", PAID),
    (get_training_status.get_training_status, "Look at a training", REMOTE_READ),
    (wait_for_training.wait_for_training, "Wait for a training", REMOTE_READ),
    (list_trainings.list_trainings, "List trainings", REMOTE_READ),
    (resolve_training.resolve_training, "Record a decision", DECISION),
    (check_photos.check_photos, "Check photos", LOCAL_READ),
    (prepare_photos.prepare_photos, "Prepare photos", PAID),
    (generate_photos.generate_photos, "Make pictures", PAID),
    (get_account.get_account, "Look at the account", REMOTE_READ),
)


def build_tools(terms: Any) -> list[StudioTool]:
    """Every tool under these terms, in the order in which a model should read them."""
    return [StudioTool.of(fn, title, annotations, terms) for fn, title, annotations in _TOOLS]


__all__ = ["StudioTool", "add_prompts", "add_resources", "build_tools", "instructions"]
