"""Prompts that a user can start from: train a model of a subject, suggest portraits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver.prompts import Prompt
from mcp.types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)
from pydantic import Field

from apiframe_studio.api.provider import Terms
from apiframe_studio.sanitize import sanitize_text
from apiframe_studio.studio import Studio

MAX_SUGGESTED: Final = 20

Subject = Annotated[str, Field(description="Name of the subject, who is in the photos")]
Folder = Annotated[
    str,
    Field(
        description="Folder with at least {terms.photos.min} photos of the subject (at most {terms.photos.max} "
        "are sent)"
    ),
]


class StudioPrompt(Prompt):
    """A prompt whose argument errors are readable "invalid parameters" errors (-32602).

    The SDK's own prompt returns code 0, logs a traceback, and renders a blank argument as a blank.
    """

    @classmethod
    def of(cls, fn: Callable[..., str], title: str, terms: Terms) -> Prompt:
        """Make a prompt of a function. Descriptions of its arguments may have fields such as `{terms.photos.min}`."""
        prompt = cls.from_function(fn, title=title)
        for argument in prompt.arguments or []:
            argument.description = (argument.description or "").format(terms=terms)
        return prompt

    async def render(self, arguments: dict[str, Any] | None, context: Any) -> Any:
        """Render the prompt. Raises MCPError for arguments that are missing, blank or unknown."""
        given = {name: value for name, value in (arguments or {}).items() if str(value).strip()}
        taken = self.arguments or []
        unknown = [sanitize_text(name, 60) for name in given if name not in {one.name for one in taken}]
        missing = [one.name for one in taken if one.required and one.name not in given]
        if missing or unknown:
            raise MCPError(INVALID_PARAMS, self._what_it_takes(missing, unknown))
        return await super().render(given, context)

    def _what_it_takes(self, missing: list[str], unknown: list[str]) -> str:
        wrong = [f"{name} is missing." for name in missing]
        wrong += [f"{name} is not an argument of this prompt." for name in unknown[:MAX_SUGGESTED]]
        takes = "; ".join(f"{one.name} ({one.description})" for one in self.arguments or [])
        return f"{' '.join(wrong)} {self.name} takes: {takes}."


def train_a_person(subject: Subject, folder: Folder) -> str:
    """Train a model from a folder of photos and get its trigger word."""
    return (
        f"Train a photo model of {subject} with the photos in {folder}. Check them first and show me the contact "
        f"sheet. Ask me whether {subject} agreed, and for the details about {subject} that the service needs. Tell "
        "me what it costs before anything is sent. At the end, tell me the trigger word."
    )


def portrait_ideas(subject: Subject) -> str:
    """Suggest five portraits of a trained subject."""
    return (
        f"Find the trained model of {subject} with list_trainings. Suggest five different portraits of {subject}, "
        "each in one sentence with place, light, clothes and mood. When I choose one, tell me what it costs, then "
        "make it with generate_photos."
    )


def add_prompts(server: MCPServer[Any], studio: Studio) -> None:
    """Register every prompt on this studio, with completion of subjects' names."""
    server.add_prompt(StudioPrompt.of(train_a_person, "Train a model of a subject", studio.terms))
    server.add_prompt(StudioPrompt.of(portrait_ideas, "Ideas for portraits", studio.terms))

    async def complete(
        _ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _context: CompletionContext | None,
    ) -> Completion | None:
        if argument.name != "subject":
            return None
        # One more than is shown, to learn whether there are more.
        names = [*await studio.ledger.subjects(argument.value, limit=MAX_SUGGESTED + 1)]
        has_more = len(names) > MAX_SUGGESTED
        return Completion(
            values=names[:MAX_SUGGESTED], total=None if has_more else len(names), has_more=has_more
        )

    register: Callable[[Any], Any] = server.completion()  # type: ignore[no-untyped-call] # the SDK left it untyped
    register(complete)
