"""Resources: trainings, generated images, a guide to good photos.

Tools return all of it too, since many clients support tools only.
"""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import FunctionResource

from apiframe_studio.image_files import ENDINGS
from apiframe_studio.studio import Studio
from apiframe_tools.mcp.request import find_studio
from apiframe_tools.results.trainings import TrainingList, TrainingStatus
from apiframe_tools.wording.photos import describe_good_photos

MAX_LISTED = 50


def add_resources(server: MCPServer[Any], studio: Studio) -> None:
    """Register every resource. The SDK passes no context to those with a fixed address, so they hold the studio."""

    async def trainings() -> str:
        page = await raise_readable(studio, studio.trainings.list(limit=MAX_LISTED))
        return TrainingList.of(page, studio).model_dump_json(indent=1)

    async def photo_guide() -> str:
        return describe_good_photos(studio.terms)

    server.add_resource(
        FunctionResource(
            uri="apiframe://trainings",
            name="trainings",
            title="Trainings",
            description="The trainings started from here, newest first, with subject, status and trigger word.",
            mime_type="application/json",
            fn=trainings,
        )
    )
    server.add_resource(
        FunctionResource(
            uri="apiframe://guides/photos",
            name="photo_guide",
            title="Good photos for a training",
            description="What makes good input photos.",
            mime_type="text/markdown",
            fn=photo_guide,
        )
    )
    one_training = server.resource(
        "apiframe://trainings/{task_id}", title="One training", mime_type="application/json"
    )
    one_training(training)
    for media_type, ending in ENDINGS.items():
        one_image = server.resource(
            f"apiframe://pictures/{{ref}}/{{number}}.{ending}",
            name=f"picture_{ending}",
            title=f"A generated image ({ending})",
            mime_type=media_type,
        )
        one_image(image)


async def training(ctx: Context[Any, Any], task_id: str) -> str:
    """Status and trigger word of one training, by task_id or ref."""
    studio = await find_studio(ctx)
    found = await raise_readable(studio, studio.trainings.check(task_id))
    return TrainingStatus.of(found, studio).model_dump_json(indent=1)


async def image(ctx: Context[Any, Any], ref: str, number: str) -> bytes:
    """An image that generate_photos saved on this machine."""
    studio = await find_studio(ctx)
    saved = await raise_readable(studio, studio.ledger.images_of(ref))
    for one in saved:
        if str(one.number) == number and (data := await studio.image_store.read(one)) is not None:
            return data
    raise ResourceNotFoundError(
        "No such image is saved here. generate_photos returns the URIs of saved images."
    )


async def raise_readable(studio: Studio, result: Any) -> Any:
    """Await a result. Raises the studio's errors as ResourceError with a readable message."""
    try:
        return await result
    except Exception as error:
        from apiframe_tools.wording.error_messages import explain_error

        if words := explain_error(error, studio.terms):
            raise ResourceError(words) from error
        raise
