"""What an assistant may ask for: one module a tool, typed in and out."""

from __future__ import annotations

from apiframe_studio.studio import Studio
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
from apiframe_tools.mcp.tool import StudioTool
from apiframe_tools.prompts import add_prompts
from apiframe_tools.resources import add_resources
from apiframe_tools.wording.instructions import instructions

_MODULES = (
    start_training,
    get_training_status,
    wait_for_training,
    list_trainings,
    resolve_training,
    check_photos,
    prepare_photos,
    generate_photos,
    get_account,
)


def tools_of(studio: Studio) -> list[StudioTool]:
    """Every tool on this studio, in the order in which a model should read them."""
    return [module.make(studio) for module in _MODULES]


__all__ = ["StudioTool", "add_prompts", "add_resources", "instructions", "tools_of"]
