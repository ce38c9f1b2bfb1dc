"""What an assistant may ask for: one module a tool, typed in and out."""

from __future__ import annotations

from apiframe_studio.studio import Studio
from apiframe_tools import (
    get_account,
    get_training_status,
    list_trainings,
    resolve_training,
    start_training,
    wait_for_training,
)
from apiframe_tools.instructions import instructions
from apiframe_tools.studio_tool import StudioTool

_MODULES = (
    start_training,
    get_training_status,
    wait_for_training,
    list_trainings,
    resolve_training,
    get_account,
)


def tools_of(studio: Studio) -> list[StudioTool]:
    """Every tool on this studio, in the order in which a model should read them."""
    return [module.make(studio) for module in _MODULES]


__all__ = ["StudioTool", "instructions", "tools_of"]
