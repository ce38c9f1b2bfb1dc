"""What the tools for photos and pictures return. Images travel beside the text, never in the structured part."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from mcp.types import ContentBlock, ImageContent, ResourceLink
from pydantic import BaseModel, Field, PrivateAttr

from apiframe_tools.results.trainings import Status, balance_in_words, costs, counted, text_of
from apiframe_tools.wording.photos import FACES_NOT_CHECKED, grouped

_LOOK_FOR_FACES = (
    f"{FACES_NOT_CHECKED} Look at the contact sheet for photos that do not show exactly one person, tell the user, "
    "and name them in leave_out of prepare_photos."
)


class Illustrated(BaseModel):
    """A result that shows something."""

    _blocks: list[ContentBlock] = PrivateAttr(default_factory=list[ContentBlock])

    @property
    def blocks(self) -> list[ContentBlock]:
        """What stands behind the text in a tool's answer."""
        return self._blocks

    def show(self, jpeg: bytes) -> None:
        """Add a small JPEG."""
        self._blocks.append(
            ImageContent(type="image", data=base64.b64encode(jpeg).decode(), mime_type="image/jpeg")
        )


class PhotoJudged(BaseModel):
    """One photo."""

    number: int
    name: str
    verdict: Literal["use", "warn", "reject"]
    reasons: list[str]


class PhotosChecked(Illustrated):
    """A judged folder of photos. Nothing left this machine."""

    _choice: str = PrivateAttr("")

    good: int
    doubtful: int
    usable: int = Field(description="Good and doubtful ones")
    needed: int
    enough: bool
    sheet: str = Field(description="Code of the contact sheet; with a number after it, the name of a photo")
    faces_checked: bool
    photos: list[PhotoJudged]
    preparing_credits: float
    training_credits: float | None = Field(
        description="Of the photos that would be sent; null when there are too few"
    )
    photograph_next: list[str]
    not_judged: list[str]
    warnings: list[str]
    next_step: str

    def __str__(self) -> str:
        rejected = [photo for photo in self.photos if photo.verdict == "reject"]
        doubtful = [photo for photo in self.photos if photo.verdict == "warn"]
        return text_of(
            False,
            "" if self.faces_checked else _LOOK_FOR_FACES,
            f"{self.good} good, {self.doubtful} doubtful, {len(rejected)} rejected of "
            f"{counted(len(self.photos), 'photo')}.",
            self._choice,
            self._price(),
            f"Rejected: {_named(rejected)}." if rejected else "",
            f"Doubtful: {_named(doubtful)}." if doubtful else "",
            f"Photograph next: {'; '.join(self.photograph_next)}." if self.photograph_next else "",
            f"Not judged: {', '.join(self.not_judged)}." if self.not_judged else "",
            *self.warnings,
            f"prepare_photos takes names, or numbers as {self.sheet}:1, in leave_out and keep."
            if self.photos
            else "",
            f"Next: {self.next_step}",
        )

    def tell_choice(self, words: str) -> None:
        """Which photos would be sent, for the text."""
        self._choice = words

    def _price(self) -> str:
        if self.training_credits is None:
            return ""
        return (
            f"Going on costs {self.preparing_credits + self.training_credits:g} credits: {self.preparing_credits:g} to "
            f"prepare the photos, {self.training_credits:g} to train on them."
        )


PhotosStatus = Literal[
    "submitting",
    "uploading",
    "preparing",
    "ready",
    "failed",
    "unconfirmed",
    "rejected",
    "abandoned",
    "expired",
]


class PhotosPrepared(BaseModel):
    """A set of photos at the service, or on its way there."""

    _left_out: str = PrivateAttr("")

    ref: str
    training_images_id: str | None = Field(
        description="For start_training; null until the upload was accepted"
    )
    status: PhotosStatus
    subject: str | None
    photos: int
    left_out: list[str]
    expires_at: datetime | None
    credits: float = Field(description="What the preparation cost")
    training_credits: float = Field(description="What a training of it would cost")
    credits_left: float | None = Field(
        description="On the account after this payment; null when nothing was paid or it is not known"
    )
    deduplicated: bool
    warnings: list[str]
    sandbox: bool
    next_step: str

    def __str__(self) -> str:
        of = f" of {self.subject}" if self.subject else ""
        until = (
            f" It can be trained on until {self.expires_at:%Y-%m-%d %H:%M} UTC." if self.expires_at else ""
        )
        cost = (
            "This call cost nothing"
            if self.deduplicated
            else f"Preparing {costs(self.status)} {counted(self.credits, 'credit')}"
        )
        return text_of(
            self.sandbox,
            f"{cost}; a training of it costs {self.training_credits:g} more.",
            f"The set of {self.photos} photos{of} is {self.status}.{until}",
            f"training_images_id {self.training_images_id}, ref {self.ref}."
            if self.training_images_id
            else f"ref {self.ref}.",
            f"Left out: {self._left_out or '; '.join(self.left_out)}." if self.left_out else "",
            balance_in_words(self.credits_left),
            *self.warnings,
            f"Next: {self.next_step}",
        )

    def tell_left_out(self, told: Sequence[tuple[str, str]]) -> None:
        """Tell all photos that were left out, with the reason of each; the text names each reason once."""
        self.left_out = [f"{name} {why}" for name, why in told]
        self._left_out = grouped(told, most=len(told))


class PictureSaved(BaseModel):
    """One picture on this machine."""

    number: int
    path: str
    uri: str


class PicturesMade(Illustrated):
    """Generated pictures."""

    ref: str
    task_id: str | None
    status: Status
    subject: str | None
    prompt: str = Field(description="What was really asked for")
    trigger_word: str
    trigger_word_added: bool
    pictures: list[PictureSaved]
    credits: float
    deduplicated: bool
    warnings: list[str]
    sandbox: bool
    next_step: str

    def __str__(self) -> str:
        of = f" of {self.subject}" if self.subject else ""
        cost = (
            "This call cost nothing"
            if self.deduplicated
            else f"This {costs(self.status)} {counted(self.credits, 'credit')}"
        )
        return text_of(
            self.sandbox,
            f"{cost}. Saved: {counted(len(self.pictures), 'picture')}{of}; the generation is {self.status}.",
            f"The trigger word {self.trigger_word} was put in front of the prompt."
            if self.trigger_word_added
            else "",
            *(f"{picture.number}: {picture.path}." for picture in self.pictures),
            f"ref {self.ref}.",
            *self.warnings,
            f"Next: {self.next_step}",
        )

    def link(self, picture: PictureSaved, media_type: str) -> None:
        """Add a link to a saved picture."""
        name = Path(picture.path).name
        self._blocks.append(
            ResourceLink(type="resource_link", uri=picture.uri, name=name, mime_type=media_type)
        )


def _named(photos: list[PhotoJudged]) -> str:
    return grouped((f"{photo.number} {photo.name}", photo.reasons[0]) for photo in photos)
