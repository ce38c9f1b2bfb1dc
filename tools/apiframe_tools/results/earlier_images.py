"""The result of list_images."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from apiframe_studio.image_history import EarlierImages, ImagePage
from apiframe_tools.results import Result
from apiframe_tools.results.images import describe_size
from apiframe_tools.wording.next_steps import suggest_after_listing_images


class ImagesRow(Result):
    """The images of one request."""

    ref: str
    subject: str | None
    task_id: str | None = Field(description="Of the training")
    trigger_word: str | None
    prompt: str | None = Field(description="As it was sent")
    seed: int | None
    size: str | None = Field(description="Null for the service's default")
    paths: list[str] = Field(description="Files that are still on this machine")
    created_at: datetime

    @classmethod
    def of(cls, made: EarlierImages) -> Self:
        row, asked = made.row, made.row.parameters or {}
        return cls.copy_of(
            row,
            task_id=row.parent_task_id,
            trigger_word=made.trigger_word,
            seed=asked.get("seed"),
            size=describe_size(asked),
            paths=[image.path for image in made.saved],
        )

    def __str__(self) -> str:
        how = [
            f"trigger word {self.trigger_word}" if self.trigger_word else "",
            self.size or "",
            "" if self.seed is None else f"seed {self.seed}",
        ]
        named = f"{self.created_at:%Y-%m-%d %H:%M} UTC, {self.subject or 'unnamed'}: {self.prompt!r}"
        facts = f" ({', '.join(fact for fact in how if fact)})" if any(how) else ""
        return f"- {named}{facts}, ref {self.ref}: {', '.join(self.paths) or 'its files are gone'}"


class ImageList(Result):
    """Images of this ledger, newest first."""

    requests: list[ImagesRow]
    galleries: list[str]
    total: int
    next_cursor: str | None
    next_step: str

    @classmethod
    def of(cls, page: ImagePage) -> Self:
        return cls.copy_of(
            page,
            requests=[ImagesRow.of(made) for made in page.requests],
            galleries=[str(path) for path in page.galleries],
            next_step=suggest_after_listing_images(page),
        )

    def __str__(self) -> str:
        count = f"{len(self.requests)} of {self.total} requests for images, newest first:"
        head = count if self.requests else "No images yet."
        galleries = [f"Gallery: {path}" for path in self.galleries]
        return "\n".join([head, *map(str, self.requests), *galleries, f"Next: {self.next_step}"])
