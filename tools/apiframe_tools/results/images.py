"""The result of generate_photos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field

from apiframe_studio.image_files import ENDINGS
from apiframe_studio.images import GeneratedImages, ImagePrice
from apiframe_studio.ledger import SavedImage
from apiframe_studio.studio import Studio
from apiframe_tools.results import Priced, Result, WithImages
from apiframe_tools.wording.next_steps import suggest_after_generating
from apiframe_tools.wording.phrases import STATUS, Status, costs, join_sentences, pluralize
from apiframe_tools.wording.quotes import Question, Quote
from apiframe_tools.wording.warnings import warn_about_images


class PictureSaved(Result):
    """One image on this machine."""

    number: int
    path: str
    uri: str


class ImagesMade(Priced, WithImages):
    """Generated images."""

    ref: str
    task_id: str | None
    status: Literal[Status, "quote"]
    subject: str | None
    prompt: str = Field(description="The prompt as it was sent")
    seed: int | None = Field(description="As requested; null when the service chose it")
    size: str | None = Field(
        description="Aspect ratio or pixels as requested; null for the service's default"
    )
    trigger_word: str
    trigger_word_added: bool
    pictures: list[PictureSaved]
    gallery: str | None = Field(description="A page with all images of the subject")
    credits: float
    deduplicated: bool
    warnings: list[str]
    sandbox: bool
    next_step: str

    @classmethod
    def quoted(cls, price: ImagePrice, question: Question, studio: Studio, balance: float | None) -> Self:
        """The price of images that were not asked for, since the user has not agreed to it."""
        request = price.request
        quote = Quote(
            "generate_photos",
            "This call",
            question,
            price.credits,
            detail=f"{pluralize(request.number_of_images or 1, 'image')} at {studio.terms.image_credits:g}",
            limit=request.max_credits,
            balance=balance,
        )
        return cls.of_quote(
            quote,
            request,
            studio,
            task_id=None,
            subject=price.subject,
            prompt=request.prompt,
            seed=request.seed,
            size=describe_size(request.parameters()),
            trigger_word="",
            trigger_word_added=False,
            pictures=[],
            gallery=None,
            credits=quote.most,
        )

    @classmethod
    def of(cls, made: GeneratedImages, studio: Studio) -> Self:
        row, training = made.row, made.training
        asked = row.parameters or {}
        result = cls.copy_of(
            row,
            status=STATUS[row.state],
            subject=training.subject,
            prompt=made.prompt,
            seed=asked.get("seed"),
            size=describe_size(asked),
            trigger_word=training.trigger_word or "",
            trigger_word_added=made.word_added,
            pictures=[PictureSaved.copy_of(saved, uri=_uri(saved)) for saved in made.saved],
            gallery=str(made.gallery) if made.gallery else None,
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

    def describe(self) -> str:
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
            f"Prompt as sent: {self.prompt!r}.",
            f"Seed: {'chosen by the service' if self.seed is None else self.seed}. "
            f"Size: {self.size or 'the default, square'}.",
            *(f"{image.number}: {image.path}." for image in self.pictures),
            f"Gallery: {self.gallery}." if self.gallery else "",
            f"ref {self.ref}.",
            *self.warnings,
            f"Next: {self.next_step}",
        )


def describe_size(asked: Mapping[str, Any]) -> str | None:
    """Return the size in the words of the request: an aspect ratio, or pixels."""
    if (width := asked.get("width")) and (height := asked.get("height")):
        return f"{width} x {height} pixels"
    return asked.get("aspect_ratio")


def _uri(saved: SavedImage) -> str:
    return f"apiframe://pictures/{saved.ref}/{saved.number}.{ENDINGS[saved.media_type]}"
