"""generate_photos: generate images with a finished training."""

from __future__ import annotations

from typing import Final

from mcp.server.mcpserver.exceptions import ToolError

from apiframe_studio.images import ImageRequest
from apiframe_tools.mcp.parameters import (
    CUSTOM,
    AspectRatio,
    ImageCount,
    OfSubject,
    PixelSize,
    Prompt,
    Seed,
    TaskName,
    require_one_name,
)
from apiframe_tools.mcp.request import RequestStudio
from apiframe_tools.results.images import ImagesMade

MAX_SECONDS: Final = 42.0


async def generate_photos(
    prompt: Prompt,
    task_id: TaskName | None = None,
    subject: OfSubject | None = None,
    aspect_ratio: AspectRatio | None = None,
    width: PixelSize | None = None,
    height: PixelSize | None = None,
    number_of_images: ImageCount | None = None,
    seed: Seed | None = None,
    *,
    studio: RequestStudio,
) -> ImagesMade:
    """Generate images of a trained subject from a prompt and save them on this machine.

    Costs {prices.image} an image. Repeating a call that made images is free: with a seed at any time, otherwise for
    ten minutes. Takes task_id or subject of a finished training; adds the trigger word if the prompt lacks it.
    Returns paths and small previews.
    """
    require_one_name(task_id, subject)
    custom = aspect_ratio == CUSTOM
    if custom != (width is not None and height is not None) or (not custom and (width or height)):
        raise ToolError("width and height are required with aspect_ratio custom, and allowed only with it.")
    request = ImageRequest(prompt, task_id, subject, aspect_ratio, width, height, number_of_images, seed)
    made = await studio.images.generate(request, MAX_SECONDS)
    return ImagesMade.of(made, studio)
