"""Ready beginnings for a person: train somebody, find ideas for portraits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from mcp.server import MCPServer
from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)
from pydantic import Field

from apiframe_studio.ledger import Kind
from apiframe_studio.studio import Studio

MOST_SUGGESTED: Final = 20

Subject = Annotated[str, Field(description="Name of the person")]
Folder = Annotated[str, Field(description="Folder with 10 to 30 photos of that person")]


def add_prompts(server: MCPServer[Any], studio: Studio) -> None:
    """Register every prompt on this studio, with completion of subjects' names."""

    @server.prompt(title="Train a model of a person")
    def train_a_person(subject: Subject, folder: Folder) -> str:
        """From a folder of photos to a trigger word."""
        return (
            f"Train a photo model of {subject} with the photos in {folder}. Check them first and show me the contact "
            f"sheet. Ask me whether {subject} agreed, and what the service wants to know about {subject}. Tell me what "
            "it costs before anything is sent. At the end tell me the trigger word."
        )

    @server.prompt(title="Ideas for portraits")
    def portrait_ideas(subject: Subject) -> str:
        """Five ideas for portraits of somebody who is trained."""
        return (
            f"Find the trained model of {subject} with list_trainings. Suggest five different portraits of {subject}, "
            "each one sentence with place, light, clothes and mood. When I choose one, make it with generate_photos "
            "and tell me first what it costs."
        )

    async def complete(
        _ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _context: CompletionContext | None,
    ) -> Completion | None:
        if argument.name != "subject":
            return None
        names = await _subjects(studio, argument.value)
        return Completion(
            values=names[:MOST_SUGGESTED], total=len(names), has_more=len(names) > MOST_SUGGESTED
        )

    register: Callable[[Any], Any] = server.completion()  # type: ignore[no-untyped-call] # the SDK left it untyped
    register(complete)


async def _subjects(studio: Studio, beginning: str) -> list[str]:
    rows = await studio.ledger.list(Kind.TRAINING, studio.clock.now())
    names = dict.fromkeys(row.subject for row in rows if row.subject)
    return [name for name in names if name.casefold().startswith(beginning.strip().casefold())]
