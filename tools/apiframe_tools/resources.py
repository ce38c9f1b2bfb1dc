"""Resources: trainings, generated images, a guide to good photos.

Tools return all of it too, since many clients support tools only.
"""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from apiframe_studio.image_store import ENDINGS
from apiframe_studio.studio import Studio
from apiframe_tools.results.trainings import TrainingList, TrainingStatus
from apiframe_tools.wording.photos import describe_good_photos

MAX_LISTED = 50


def add_resources(server: MCPServer[Any], studio: Studio) -> None:
    @server.resource("apiframe://trainings", title="Trainings", mime_type="application/json")
    async def trainings() -> str:
        """The trainings started from here, newest first, with subject, status and trigger word."""
        page = await raise_readable(studio, studio.trainings.list(limit=MAX_LISTED))
        return TrainingList.of(page, studio).model_dump_json(indent=1)

    @server.resource("apiframe://trainings/{task_id}", title="One training", mime_type="application/json")
    async def training(task_id: str) -> str:
        """Status and trigger word of one training, by task_id or ref."""
        found = await raise_readable(studio, studio.trainings.check(task_id))
        return TrainingStatus.of(found, studio).model_dump_json(indent=1)

    @server.resource(
        "apiframe://guides/photos", title="Good photos for a training", mime_type="text/markdown"
    )
    async def photo_guide() -> str:
        """What makes good input photos."""
        return describe_good_photos(studio.terms)

    for media_type, ending in ENDINGS.items():
        _add_images(server, studio, media_type, ending)


def _add_images(server: MCPServer[Any], studio: Studio, media_type: str, ending: str) -> None:
    @server.resource(
        f"apiframe://pictures/{{ref}}/{{number}}.{ending}",
        name=f"picture_{ending}",
        title=f"A generated image ({ending})",
        mime_type=media_type,
    )
    async def image(ref: str, number: str) -> bytes:
        """An image that generate_photos saved on this machine."""
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
