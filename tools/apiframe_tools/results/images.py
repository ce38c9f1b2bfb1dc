"""The result of generate_photos."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from apiframe_studio.image_store import ENDINGS
from apiframe_studio.images import GeneratedImages
from apiframe_studio.ledger import SavedImage
from apiframe_studio.studio import Studio
from apiframe_tools.results import Result, WithImages
from apiframe_tools.wording.next_steps import suggest_after_generating
from apiframe_tools.wording.phrases import STATUS, Status, costs, join_sentences, pluralize
from apiframe_tools.wording.warnings import warn_about_images


class PictureSaved(Result):
    """One image on this machine."""

    number: int
    path: str
    uri: str


class ImagesMade(WithImages):
    """Generated images."""

    ref: str
    task_id: str | None
    status: Status
    subject: str | None
    prompt: str = Field(description="The prompt as it was sent")
    trigger_word: str
    trigger_word_added: bool
    pictures: list[PictureSaved]
    credits: float
    deduplicated: bool
    warnings: list[str]
    sandbox: bool
    next_step: str

    @classmethod
    def of(cls, made: GeneratedImages, studio: Studio) -> Self:
        row, training = made.row, made.training
        result = cls.copy_of(
            row,
            status=STATUS[row.state],
            subject=training.subject,
            prompt=made.prompt,
            trigger_word=training.trigger_word or "",
            trigger_word_added=made.word_added,
            pictures=[PictureSaved.copy_of(saved, uri=_uri(saved)) for saved in made.saved],
            credits=row.estimated_credits or 0.0,
            deduplicated=made.deduplicated,
            warnings=warn_about_images(made),
            sandbox=studio.is_sandbox,
            next_step=suggest_after_generating(made, studio.terms),
        )
        for preview in made.previews:
            result.add_image(preview)
        for saved in made.saved:
            result.add_link(saved.path, _uri(saved), saved.media_type)
        return result

    def __str__(self) -> str:
        of = f" of {self.subject}" if self.subject else ""
        cost = (
            "This call cost nothing"
            if self.deduplicated
            else f"This {costs(self.status)} {pluralize(self.credits, 'credit')}"
        )
        return join_sentences(
            self.sandbox,
            f"{cost}. Saved: {pluralize(len(self.pictures), 'image')}{of}; the generation is {self.status}.",
            f"The trigger word {self.trigger_word} was added before the prompt."
            if self.trigger_word_added
            else "",
            *(f"{image.number}: {image.path}." for image in self.pictures),
            f"ref {self.ref}.",
            *self.warnings,
            f"Next: {self.next_step}",
        )


def _uri(saved: SavedImage) -> str:
    return f"apiframe://pictures/{saved.ref}/{saved.number}.{ENDINGS[saved.media_type]}"
